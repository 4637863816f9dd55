// Package nvml asks the NVIDIA driver how much of a GPU is in use: by everybody, not only by this program.
package nvml

import "errors"

// ErrAbsent says that there is no NVIDIA driver to ask, or that this program was built without cgo.
var ErrAbsent = errors.New("the NVIDIA management library is absent")

// Usage is what a GPU is doing at one moment.
type Usage struct {
	UsedBytes  uint64
	TotalBytes uint64
	// Utilisation is the percentage of the last sampling period in which a kernel ran, TemperatureC degrees Celsius; Unknown where the
	// driver does not tell, as of a part of a GPU, or just now cannot.
	Utilisation  int
	TemperatureC int
}

// Unknown is what a Usage has for what a GPU does not tell.
const Unknown = -1
