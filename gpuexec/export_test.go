package gpuexec

import "time"

// KeepSamples has a pool that is not started keep so many bytes of the samples of an image.
func (p *Pool) KeepSamples(n int) { p.keptSamples = n }

// TakeAsLarge has pages of so many bytes be large, for the jobs that are given from now on.
func (p *Pool) TakeAsLarge(n int64) { p.largePage = n }

// BeatBy has the runs of a pool that is not started be watched by these beats.
func (p *Pool) BeatBy(beats <-chan time.Time) {
	p.beats = func() *time.Ticker { return &time.Ticker{C: beats} }
}

// RunAtOnce has so many workers of a pool that is not started run at once, as if there were cores for that.
func (p *Pool) RunAtOnce(n int) { p.atOnce = n }
