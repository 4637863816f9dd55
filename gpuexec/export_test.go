package gpuexec

// KeepSamples has a pool that is not started keep so many bytes of the samples of an image.
func (p *Pool) KeepSamples(n int) { p.keptSamples = n }
