// Package placement keeps account of what resource groups have and who holds
// how much of it. It is arithmetic over plain data: no clock, no lock, no
// process. The controller asks it before it starts a replica of a service with
// metadata.resource, and tells it when what a replica held is free again; it
// rebuilds the account from its records when it starts, so nothing is stored
// here.
package placement
