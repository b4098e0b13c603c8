// Package daemon puts the parts of Sluice together into the processes that run:
// the control plane of one machine (`sluice server`), with its database, its
// process runtime and its supervised gateway, and the end of all of it (`sluice
// down`). It decides nothing; it opens, wires, and closes in the right order.
package daemon
