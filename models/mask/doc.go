// Package mask turns a probability map into objects: threshold, connected components, outer rings and
// holes along pixel corners, and their measures. Units are pixels and square pixels; x grows to the
// right, y down, and the corner of the first pixel is (0,0).
package mask
