// Package history is the part of the core that reasons about versions: how two
// of them differ, field by field. It is given documents (api.Document) and gives
// values back; it reads no clock, no disk and no store, and imports api and the
// standard library alone. The controller makes the snapshots, the store keeps
// them, the server shows what this package says about them.
package history
