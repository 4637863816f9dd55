package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"

	"seghub/gpuexec"
	"seghub/models/imageio"
	"seghub/models/mask/result"
	"seghub/sessions"
	"seghub/storage"
	"seghub/storage/export"
)

// files keeps what sessions and hub need kept, under storage's layout.
type files struct {
	store *storage.Store
}

// OpenImage opens an uploaded file.
func (f files) OpenImage(ctx context.Context, session, image string) (imageio.Source, error) {
	return f.store.Open(ctx, storage.ImageKey(session, image))
}

// PutResult keeps everything that was made of a job.
func (f files) PutResult(ctx context.Context, job sessions.Job, session string, out gpuexec.Output) error {
	data, err := json.Marshal(result.Result{
		Job:      job.ID,
		Revision: 1,
		Image:    result.Image{ID: job.ImageID, Filename: job.Filename, Width: out.Width, Height: out.Height, Page: job.Page, PixelSize: job.PixelSize},
		Model:    job.Model,
		Options:  job.Options,
		Shrunk:   out.Shrunk,
		Objects:  out.Objects,
		Summary:  out.Summary,
	})
	if err != nil {
		return fmt.Errorf("encode the result of job %s: %w", job.ID, err)
	}
	// Side by side: somebody waits for the mask, and in a bucket each takes a round trip.
	writes, ctx := errgroup.WithContext(ctx)
	for key, data := range map[string][]byte{
		storage.ProbabilityKey(session, job.ID): out.Probability,
		storage.MaskKey(session, job.ID):        out.MaskPNG,
		storage.ResultKey(session, job.ID):      data,
	} {
		writes.Go(func() error { return f.store.Write(ctx, key, data) })
	}
	return writes.Wait()
}

// PutPiece keeps a piece of a mask that is being made.
func (f files) PutPiece(ctx context.Context, session, job string, row int, png []byte) error {
	return f.store.Write(ctx, storage.PieceKey(session, job, row), png)
}

// PiecePNG reads a piece of a mask.
func (f files) PiecePNG(ctx context.Context, session, job string, row int) ([]byte, error) {
	return f.store.Read(ctx, storage.PieceKey(session, job, row))
}

// DeleteImage deletes an uploaded file.
func (f files) DeleteImage(ctx context.Context, session, image string) error {
	err := f.store.Delete(ctx, storage.ImageKey(session, image))
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	return err
}

// DeleteSession deletes all files of a session.
func (f files) DeleteSession(ctx context.Context, session string) error {
	return f.store.DeleteSession(ctx, session)
}

// MaskPNG reads the mask of a finished job.
func (f files) MaskPNG(ctx context.Context, session, job string) ([]byte, error) {
	return f.store.Read(ctx, storage.MaskKey(session, job))
}

// Picture reads what an export takes of a job that is done.
func (f files) Picture(ctx context.Context, session string, job sessions.Job) (export.Picture, error) {
	p := export.Picture{Pages: job.Pages, Channel: -1, Z: -1, T: -1}
	data, err := f.store.Read(ctx, storage.ResultKey(session, job.ID))
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal(data, &p.Result); err != nil {
		return p, fmt.Errorf("decode the result of job %s: %w", job.ID, err)
	}
	p.Mask = func(ctx context.Context, w io.Writer) error {
		picture, err := f.MaskPNG(ctx, session, job.ID)
		if err == nil {
			_, err = w.Write(picture)
		}
		return err
	}
	return p, nil
}
