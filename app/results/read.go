package results

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"seghub/models/imageio"
	"seghub/models/mask"
	"seghub/models/mask/result"
	"seghub/sessions"
	"seghub/storage"
	"seghub/storage/export"
)

// Result is a job's result at a revision; 0 is the newest.
func (k *Keeper) Result(ctx context.Context, session, job string, revision int) (result.Result, error) {
	j, at, err := k.at(ctx, session, job, revision)
	if err != nil {
		return result.Result{}, err
	}
	return k.result(ctx, session, j, at)
}

func (k *Keeper) result(ctx context.Context, session string, job sessions.Job, at sessions.Revision) (r result.Result, err error) {
	s, err := k.open(ctx, session, job, at.Content)
	if err != nil {
		return r, err
	}
	defer s.close()
	data, err := k.Blobs.Read(ctx, resultKey(session, job.ID, s.content.base))
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("the result of job %s: %w", job.ID, err)
	}
	r.Revision, r.Options, r.Image.PixelSize = at.Number, at.Options, job.PixelSize
	if len(s.content.changes) > 0 {
		r.Summary = s.since.Summary
		r.Objects = merged(r.Objects, s)
	}
	calibrate(r.Objects, job)
	return r, nil
}

// merged are the objects of a base with the changes since, by id.
func merged(base []mask.Object, s *state) []mask.Object {
	changed := s.since.Objects
	all := make([]mask.Object, 0, len(base)+len(changed))
	for _, o := range base {
		for ; len(changed) > 0 && changed[0].ID <= o.ID; changed = changed[1:] {
			all = append(all, changed[0])
		}
		if !s.gone[int32(o.ID)] {
			all = append(all, o)
		}
	}
	return append(all, changed...)
}

// Size is how many bytes the result of a job that is done takes on the disk, but for what was changed in it since.
func (k *Keeper) Size(ctx context.Context, session string, job sessions.Job) (int64, error) {
	c, err := parseContent(job.Content)
	if err != nil {
		return 0, err
	}
	blob, err := k.Blobs.Open(ctx, resultKey(session, job.ID, c.base))
	if err != nil {
		return 0, err
	}
	return blob.Size(), blob.Close()
}

// Whole is the Size of a job of which all that its Picture is made of is stored; else the error is a storage.ErrNotFound.
func (k *Keeper) Whole(ctx context.Context, session string, job sessions.Job) (size int64, err error) {
	c, err := parseContent(job.Content)
	if err != nil {
		return 0, err
	}
	keys := []string{storage.ReceiptKey(session, job.ID), labelsKey(session, job.ID, c.base)}
	for _, l := range c.changes {
		keys = append(keys, storage.RevisionKey(session, job.ID, l.id+".change"))
	}
	if job.Revision > 1 {
		revisions, err := k.jobs.Revisions(ctx, session, job.ID)
		if err != nil {
			return 0, err
		}
		for _, revision := range revisions[1:] {
			keys = append(keys, storage.RevisionKey(session, job.ID, revision.Edit+".edit"))
		}
	}
	for _, key := range keys {
		blob, err := k.Blobs.Open(ctx, key)
		if err != nil {
			return 0, err
		}
		if err := blob.Close(); err != nil {
			return 0, err
		}
	}
	return k.Size(ctx, session, job)
}

// Picture is what an export takes of a job that is done, at its newest revision. It takes no turn, nor does its mask: whoever exports bounds how
// many are.
func (k *Keeper) Picture(ctx context.Context, session string, job sessions.Job) (export.Picture, error) {
	p := export.Picture{Pages: job.Pages, Channel: job.Channel, Z: job.Z, T: job.T, Plain: job.Plain}
	if job.Projection == "max" {
		p.Z = -1
	}
	at := sessions.Revision{Number: job.Revision, Content: job.Content, Options: job.Options}
	var err error
	if p.Result, err = k.result(ctx, session, job, at); err != nil {
		return p, err
	}
	p.Receipt, err = k.Receipt(ctx, session, job.ID, job.Revision)
	p.Mask = func(ctx context.Context, w io.Writer) error {
		png, err := k.mask(ctx, session, job)
		if err == nil {
			_, err = w.Write(png)
		}
		return err
	}
	return p, err
}

// Mask is the PNG of a job's objects at its newest revision: one channel, 0 or 255.
func (k *Keeper) Mask(ctx context.Context, session string, job sessions.Job) ([]byte, error) {
	over, err := k.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer over()
	return k.mask(ctx, session, job)
}

func (k *Keeper) mask(ctx context.Context, session string, job sessions.Job) ([]byte, error) {
	s, err := k.open(ctx, session, job, job.Content)
	if err != nil {
		return nil, err
	}
	defer s.close()
	spans, err := s.Spans(imageRect(s))
	if err != nil {
		return nil, err
	}
	var png bytes.Buffer
	err = imageio.EncodeMask(&png, s.labels.Width, s.labels.Height, spans)
	return png.Bytes(), err
}
