package server

import (
	"context"
	"time"

	"seghub/gpuexec"
)

// watched tells when the inference of each job ended, on its result's way to the sessions.
type watched struct {
	gpuexec.Sink
	inferred func(job string, at time.Time)
}

// Finish tells of a job that ran, and hands its result on.
func (w watched) Finish(ctx context.Context, r gpuexec.Result) {
	if !r.InferredAt.IsZero() {
		w.inferred(r.JobID, r.InferredAt)
	}
	w.Sink.Finish(ctx, r)
}
