// Package digits is what the example model server serves: models that tell
// handwritten digits apart, small enough to be in the repository and real
// enough to be better or worse.
//
// It holds a public data set (data/DATA.md), three versions of a model and their
// file format. Version 1 is modest, version 2 good, version 3 is a file that
// broke off and does not load. The server is in the folder server; the models
// were made by the folder training, which makes the same bytes again.
package digits
