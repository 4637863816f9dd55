//go:build !cgo || !linux

package nvml

// Device is one GPU; there is none in this build.
type Device struct{}

// Open returns ErrAbsent.
func Open(string) (*Device, error) { return nil, ErrAbsent }

// Usage returns ErrAbsent.
func (*Device) Usage() (Usage, error) { return Usage{}, ErrAbsent }

// Close does nothing.
func (*Device) Close() error { return nil }
