package server

import (
	"context"
	"io"
	"math"

	"seghub/app/results"
	"seghub/gpuexec"
	"seghub/models/imageio"
	"seghub/sessions"
	"seghub/storage"
)

// files keeps what sessions and hub need kept, under storage's layout; jobs and sessions are deleted as the Store does it.
type files struct {
	*storage.Store
	results *results.Keeper
}

// OpenImage opens an uploaded file.
func (f files) OpenImage(ctx context.Context, session, image string) (imageio.Source, error) {
	return f.Open(ctx, storage.ImageKey(session, image))
}

// PutProbability keeps the probability map of a job while r gives it. Nothing of it comes from outside, so it has no limit.
func (f files) PutProbability(ctx context.Context, session, job string, r io.Reader) error {
	_, err := f.Put(ctx, storage.ProbabilityKey(session, job), r, math.MaxInt64)
	return err
}

// PutResult keeps everything else that was made of a job.
func (f files) PutResult(ctx context.Context, job sessions.Job, session string, out gpuexec.Output) error {
	return f.results.PutFirst(ctx, session, job, out)
}

// PutPiece keeps a piece of a mask that is being made.
func (f files) PutPiece(ctx context.Context, session, job string, row int, png []byte) error {
	return f.Write(ctx, storage.PieceKey(session, job, row), png)
}

// PiecePNG reads a piece of a mask.
func (f files) PiecePNG(ctx context.Context, session, job string, row int) ([]byte, error) {
	return f.Read(ctx, storage.PieceKey(session, job, row))
}

// DeleteImage deletes an uploaded file.
func (f files) DeleteImage(ctx context.Context, session, image string) error {
	return f.Delete(ctx, storage.ImageKey(session, image))
}

// MaskPNG reads the mask of a finished job.
func (f files) MaskPNG(ctx context.Context, session, job string) ([]byte, error) {
	return f.Read(ctx, storage.MaskKey(session, job))
}
