package sessions

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"

	"seghub/gpuexec"
	"seghub/models/imageio"
)

// claimer is what one slot's worker remembers from claim to claim.
type claimer struct {
	// token names the next claim. It is kept until the answer is known, so that a batch whose reply was lost is
	// given again.
	token string
	// The last batch's model: a guess at the next one's, which saves a call.
	model string
}

// Next implements gpuexec.Source: it blocks until there is a batch for slot's worker, which is the slot's owner's or,
// while nobody waits, help for another active session. While Redis is away there is none.
func (s *Service) Next(ctx context.Context, slot int) (gpuexec.Batch, error) {
	if slot < 0 || slot >= len(s.slots) {
		return gpuexec.Batch{}, fmt.Errorf("sessions: no slot %d", slot)
	}
	for {
		changed := s.work.next() // before the attempt, so that no change is missed
		if !s.draining.Load() && s.lease.held(s.now()) {
			batch, err := s.claim(ctx, slot)
			if len(batch.Jobs) > 0 {
				return batch, nil
			}
			if err != nil && ctx.Err() == nil {
				// The keeper says so in the log, and rings once Redis is well again.
				s.log.Debug("no work while Redis is away", "slot", slot, "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return gpuexec.Batch{}, ctx.Err()
		case <-changed:
		}
	}
}

// batchPixels is how many pixels the images of a batch of several have at most. A turn ends, and help comes, where a batch does, and each of very large
// images is a run of many by itself.
const batchPixels = 64 << 20

// claim takes a batch if there is one; none is an empty Batch.
func (s *Service) claim(ctx context.Context, slot int) (gpuexec.Batch, error) {
	c := &s.slots[slot]
	if c.token == "" {
		c.token = rand.Text()
	}
	borrow := 0
	if s.config.Borrow() {
		borrow = 1
	}
	for {
		limit := max(1, s.config.BatchSize(c.model))
		reply, err := s.ask(ctx, claimScript, slot, c.token, c.model, limit, batchPixels, borrow)
		if err != nil {
			return gpuexec.Batch{}, err
		}
		switch text(reply[0]) {
		case "model":
			c.model = text(reply[1])
		case "batch":
			batch, err := s.take(slot, text(reply[1]), reply[2:])
			if err == nil {
				c.token = ""
			}
			return batch, err
		case "lost":
			s.lease.tickSoon()
			return gpuexec.Batch{}, nil
		default:
			return gpuexec.Batch{}, nil
		}
	}
}

// take makes a batch of claimed jobs, and keeps them in hand until they are finished.
func (s *Service) take(slot int, session string, replies []any) (gpuexec.Batch, error) {
	jobs, err := jobsFrom(replies)
	if err != nil {
		return gpuexec.Batch{}, err
	}
	var batch gpuexec.Batch
	for i, job := range jobs {
		fields := list(replies[i])
		attempt := int(number(fields[len(fields)-1]))
		batch.Model = job.Model
		diameter := 0.
		if job.Diameter != nil {
			diameter = *job.Diameter
		}
		batch.Jobs = append(batch.Jobs, gpuexec.Job{
			ID:      job.ID,
			Attempt: attempt,
			Open: func(ctx context.Context) (imageio.Source, error) {
				return s.config.Files.OpenImage(ctx, session, job.ImageID)
			},
			Keep: func(ctx context.Context, r io.Reader) error {
				return s.config.Files.PutProbability(ctx, session, job.ID, s.whileAwaited(ctx, session, claimKey{job.ID, attempt}, r))
			},
			Plane:    job.Plane,
			Diameter: diameter,
			Options:  job.Options,
		})
		s.hand.add(claimKey{job.ID, attempt}, &claim{session: session, job: job, slot: slot, at: s.now()})
	}
	return batch, nil
}
