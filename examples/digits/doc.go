// Package digits is what the example model server serves: models that tell
// handwritten digits apart, small enough to be in the repository and real
// enough to be better or worse.
//
// It holds a public data set (data/DATA.md), five versions of a model and their
// file format. Version 1 is modest, version 2 good. The others are three ways in
// which an update goes wrong: version 3 is a file that broke off and does not load;
// version 4 loads, is ready, and fails at one image in five, since values overflow
// in the half precision that it was exported to; version 5 is right more often than
// any other and takes a thousand times as long. The server is in the folder server; the
// models were made by the folder training, which makes the same bytes again.
package digits
