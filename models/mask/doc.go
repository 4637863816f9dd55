// Package mask turns a probability map into objects: threshold, connected components, outer rings and
// holes along pixel corners, and their measures. Units are pixels and square pixels; x grows to the
// right, y down, and the corner of the first pixel is (0,0).
//
//	Probability --scan--> runs --fill, split, connect--> bodies --measure, trace--> Objects, Spans
//
// The work on a picture is that of its outlines, not of its pixels, but for scan and split. Maps are kept in bands, from which
// the same objects come again.
package mask
