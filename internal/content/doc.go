// Package content tells the state of what a version refers to outside of its
// configuration: its model, its program, its scripts, its image. It keeps copies
// of the files, so that a rollback works after the originals were overwritten or
// deleted.
//
// Files only reads: the state by inode, size and times at once (Digests), the
// content's SHA-256 later (Hash), and how both stand now (Compare). Artifacts
// is Files and a store of copies below the data directory (Keep, Kept, Sweep);
// the controller knows it as its interface Content. What a registry knows of
// images is asked in package image.
//
// # What is hashed
//
// A file's SHA256 is that of its content, as sha256sum prints it. A folder's is
// that of a list, one record for each file at and below it, sorted by name in
// bytes. The five fields of a record are each ended by a zero byte: the name
// relative to the folder; "x" for a file that its owner may execute, "-" for any
// other; the size; and the SHA-256 of its content in hexadecimal; and an empty
// field. Links are followed, also to folders. A link that leads nowhere or back
// to a folder above itself is a record with "l" and, last, the link's target; an
// empty folder is one with "d". Sockets, pipes and devices are never opened and
// do not count.
//
// # The store
//
//	objects/ab/abcd...   a content once, read-only; with an x at the end, executable
//	trees/SHA/NAME       a kept file or folder under the name of the original, hard
//	                     links to the objects
//	manifests/SHA        what is in it: written last, so what has one is whole
//	tmp/                 what is not whole yet; emptied by Open
//
// Objects are clones of the original where the file system shares blocks, else
// copies; they are never hard links to it, which an overwrite in place would
// corrupt. Everything is written under tmp, synced and then renamed.
package content
