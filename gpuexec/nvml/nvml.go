// Package nvml asks the NVIDIA driver how much of a GPU is in use: by everybody, not only by this program.
package nvml

import "errors"

// ErrAbsent says that there is no NVIDIA driver to ask, or that this program was built without cgo.
var ErrAbsent = errors.New("the NVIDIA management library is absent")

// Usage is what a GPU is doing at one moment.
type Usage struct {
	UsedBytes   uint64
	TotalBytes  uint64
	Utilisation int // percent of the last sampling period in which a kernel ran
}
