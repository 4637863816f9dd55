package gpuexec

// KeepSamples has a pool that is not started keep so many bytes of the samples of an image.
func (p *Pool) KeepSamples(n int) { p.keptSamples = n }

// TakeAsLarge has pages of so many bytes be large, for the jobs that are given from now on.
func (p *Pool) TakeAsLarge(n int64) { p.largePage = n }
