// Package mask turns a probability map into objects: threshold, connected components, outer rings and
// holes along pixel corners, and their measures. Units are pixels and square pixels; x grows to the
// right, y down, and the corner of the first pixel is (0,0).
//
//	bands of a Probability --scan, join, fill--> components --split or follow--> runs --measure, trace--> Bodies --Gather--> Objects, Spans
//
// A map comes in bands. A component leaves as soon as no row to come can change it, and alone then: what is kept is what the open ones
// span, up to a bound beyond which a component is parted as far as it has come. The work on a picture is that of its outlines, not of its pixels, but for scan and split. Maps are stored in bands too,
// from which the same objects come again.
package mask
