// Package evaluate scores the shipped models on images that their training never saw, on the very way that a
// job takes through the hub, and Otsu's threshold with the same watershed beside them.
//
//	image file --Decode--> Fit --> engine --> Unfit --+--> Segment --> score, against what was drawn by hand
//	               `--> Otsu's threshold -------------+
//
// It compares a model with its variant of another precision, too, on any folder of images: mask against mask.
//
// The engine is given by who calls: the package itself links no ONNX Runtime.
package evaluate
