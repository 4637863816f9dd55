package sessions

import (
	"context"
	"encoding/json"
	"sync"

	"seghub/gpuexec"
)

// progressBoard holds the newest progress of each running job until it is sent.
type progressBoard struct {
	mu     sync.Mutex
	newest map[claimKey]progressNote
	poked  chan struct{} // pokes flushProgress
}

type progressNote struct {
	session string
	gpuexec.Progress
}

func (b *progressBoard) put(key claimKey, n progressNote) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.newest[key] = n
	poke(b.poked)
}

func (b *progressBoard) forget(key claimKey) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.newest, key)
}

// takeAll empties the board.
func (b *progressBoard) takeAll() map[claimKey]progressNote {
	b.mu.Lock()
	defer b.mu.Unlock()
	taken := b.newest
	b.newest = make(map[claimKey]progressNote)
	return taken
}

// Progress implements gpuexec.Sink: it notes how far a job has come and returns at once. Listeners hear the newest
// note at most 20 times a second; nothing is kept of it but the job's stage and percent.
func (s *Service) Progress(p gpuexec.Progress) {
	key := claimKey{p.JobID, p.Attempt}
	if c := s.hand.get(key); c != nil {
		s.progress.put(key, progressNote{session: c.session, Progress: p})
	}
}

// flushProgress sends what is on the board until ctx ends. Progress is lost while Redis is away: only the newest
// matters.
func (s *Service) flushProgress(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.progress.poked:
		}
		notes := s.progress.takeAll()
		args := make([]any, 0, 6*len(notes))
		for key, n := range notes {
			frame, err := json.Marshal(progressFrame{Type: "progress", JobID: n.JobID, Stage: string(n.Stage),
				Done: n.Done, Total: n.Total, Percent: n.Percent})
			if err != nil {
				s.log.Error("progress has no JSON", "job", n.JobID, "error", err)
				continue
			}
			args = append(args, n.session, n.JobID, key.attempt, string(n.Stage), n.Percent, frame)
		}
		if len(args) == 0 {
			continue
		}
		if _, err := s.run(ctx, progressScript, args...); err != nil {
			s.log.Debug("progress was not sent", "error", err)
		}
		pause(ctx, progressEvery)
	}
}
