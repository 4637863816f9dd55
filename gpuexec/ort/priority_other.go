//go:build !linux

package ort

// yieldCPU does nothing: only Linux has a priority for each thread.
func yieldCPU() error { return nil }
