// Package sqlite keeps what Sluice remembers in one SQLite file, DATA/sluice.db,
// and implements store.Store.
//
// Contract. A Commit is one transaction and one fsync: once it has returned,
// the change survives a power cut (WAL with synchronous=FULL); when it fails
// nothing of it is there. One process owns a data directory at a time: Open
// takes an exclusive lock that dies with its process, and a second Open is
// refused with a *LockedError. Everything else that goes wrong with the file or
// its disk is an *Error that says what to do next. Nothing here deletes or
// repairs a file by itself, and after a failed Commit (a full disk, say) the
// store goes on: the same Commit works once there is room.
//
// A database that was not closed (kill -9, a power cut) is looked through by Open
// before it is used: every page, and the log up to its end. Damage that lost stored
// changes is refused; a change that was only half in the log is left out, and Notes
// says so. What cannot be seen is a log that was cut off just where a change ends.
//
// Events have a Seq that is never used twice. Of each service the newest
// KeepEvents stay, also after the service is deleted; older ones go in the
// transaction that pushes them out.
//
// The schema grows by numbered files under migrations/; PRAGMA user_version
// says which is in force. Released files are never edited.
package sqlite
