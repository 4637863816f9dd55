package gpuexec

import (
	"sync"
	"time"
)

// The parts of a whole job, in percent, that its stages take.
const (
	decodeShare      = 20
	inferShare       = 60
	postprocessShare = 20
)

// course is how far a task is, and what it has cost. Its stages tell it, each for its tiles.
type course struct {
	mu       sync.Mutex
	tiles    int  // of the task; 0 until that is known. Guarded by mu, as all that follows
	decoded  int  // tiles
	infers   bool // inference has begun
	inferred int  // tiles
	joined   int  // tiles that postprocessing is through with
	percent  int  // that was told last
	timing   Timing
	ended    time.Time // when the last run of the task ended
}

// tell changes the course and tells what it comes to, one after the other, so that progress never goes back. Of stages that are under way at
// the same time the one is told of that the tiles have still to go through: decoding until a tile runs, inference until all have.
func (c *course) tell(job Job, stage Stage, change func(c *course), progress func(Progress)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c)
	if stage == StageDecode && c.infers || stage == StagePostprocess && c.inferred < c.tiles {
		return
	}
	total := max(1, c.tiles)
	done := map[Stage]int{StageDecode: c.decoded, StageInfer: c.inferred, StagePostprocess: c.joined}[stage]
	// A page that is decoded anew, for another input, begins again.
	c.percent = max(c.percent, (decodeShare*c.decoded+inferShare*c.inferred+postprocessShare*c.joined)/total)
	progress(Progress{JobID: job.ID, Attempt: job.Attempt, Stage: stage, Done: done, Total: total, Percent: c.percent})
}

// begun tells whether a tile of the task has been on its way to run.
func (c *course) begun() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.infers
}

// spend adds to what a stage has cost.
func (c *course) spend(stage Stage, since time.Time) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch stage {
	case StageDecode:
		c.timing.Decode += now.Sub(since)
	case StageInfer:
		if since.Before(c.ended) { // what runs at the same time counts once
			since = c.ended
		}
		c.timing.Infer += now.Sub(since)
		c.ended = now
	case StagePostprocess:
		c.timing.Postprocess += now.Sub(since)
	}
}

// costs are the times so far, and when the last run ended.
func (c *course) costs() (Timing, time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.timing, c.ended
}
