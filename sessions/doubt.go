package sessions

import (
	"context"
	"sync"
	"time"
)

// voidFor is how long a submission that was found not to have happened is refused, should it still be on its way.
const voidFor = time.Hour

// doubt is a submission whose reply was lost: its jobs exist, all or none.
type doubt struct {
	session string
	jobs    []Job
}

// doubts holds the submissions that nobody knows the outcome of.
type doubts struct {
	mu    sync.Mutex
	open  []doubt
	poked chan struct{} // pokes resolveDoubts
}

func (d *doubts) add(one doubt) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open = append(d.open, one)
	poke(d.poked)
}

// takeAll empties it.
func (d *doubts) takeAll() []doubt {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := d.open
	d.open = nil
	return all
}

// resolveDoubts asks Redis what became of the submissions in doubt, until ctx ends. The images of one that did not happen are
// deleted, unless other jobs are of them: then they were here before. Those of one that is still open then stay.
func (s *Service) resolveDoubts(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.doubts.poked:
		}
		for _, d := range s.doubts.takeAll() {
			if err := s.resolve(ctx, d); err != nil {
				s.log.Debug("it is not known yet whether jobs were made", "session", d.session, "error", err)
				s.doubts.add(d)
			}
		}
		pause(ctx, retryFirst)
	}
}

func (s *Service) resolve(ctx context.Context, d doubt) error {
	args := []any{d.session, d.jobs[0].ID, int64(voidFor.Seconds())}
	for i, job := range d.jobs {
		if i == 0 || job.ImageID != d.jobs[i-1].ImageID { // one may have thousands of pages
			args = append(args, job.ImageID)
		}
	}
	reply, err := s.run(ctx, voidScript, args...)
	if err != nil {
		return err
	}
	if text(reply) == "kept" {
		s.log.Info("jobs were made although the reply was lost", "session", d.session, "jobs", len(d.jobs))
		return nil
	}
	for _, image := range texts(reply) {
		if err := s.config.Files.DeleteImage(ctx, d.session, image); err != nil {
			s.log.Warn("an image that no job was made of stays behind", "session", d.session, "image", image, "error", err)
		}
	}
	return nil
}
