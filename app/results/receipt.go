package results

import (
	"context"
	"encoding/json"
	"fmt"
	"image"
	"io"
	"strconv"

	"golang.org/x/sync/errgroup"

	"seghub/gpuexec"
	"seghub/models/mask"
	"seghub/models/mask/correct"
	"seghub/models/mask/result"
	"seghub/sessions"
	"seghub/storage"
)

// PutFirst keeps everything that was made of a job but its probability map, which is stored already: its first revision.
func (k *Keeper) PutFirst(ctx context.Context, session string, job sessions.Job, out gpuexec.Output) error {
	calibrate(out.Objects, job)
	found := result.Result{
		Job:      job.ID,
		Revision: 1,
		Image: result.Image{ID: job.ImageID, Filename: job.Filename, Width: out.Width, Height: out.Height, Page: job.Page,
			PixelSize: job.PixelSize},
		Model:   job.Model,
		Options: job.Options,
		Shrunk:  out.Shrunk,
		Objects: out.Objects,
		Summary: out.Summary,
	}
	receipt, err := json.Marshal(k.newReceipt(job, out))
	if err != nil {
		return fmt.Errorf("encode the receipt of job %s: %w", job.ID, err)
	}
	// Side by side: somebody waits for the mask, and in a bucket each takes a round trip.
	return k.write(ctx, written{
		storage.MaskKey(session, job.ID):   bytesOf(out.MaskPNG),
		storage.ResultKey(session, job.ID): found.Write,
		storage.LabelsKey(session, job.ID): func(w io.Writer) error {
			return mask.WriteLabels(w, out.Width, out.Height, out.Spans)
		},
		storage.ReceiptKey(session, job.ID): bytesOf(receipt),
	})
}

// newReceipt is what is known of a job's making when it is done.
func (k *Keeper) newReceipt(job sessions.Job, out gpuexec.Output) result.Receipt {
	r := result.Receipt{
		Job: job.ID,
		Image: result.Source{ID: job.ImageID, Filename: job.Filename, SHA256: job.SHA256, Width: out.Width, Height: out.Height,
			Page: job.Page, Channel: strconv.Itoa(job.Channel), Z: job.Z, T: job.T, Projection: job.Projection, PixelSize: job.PixelSize},
		Model:   result.Model{ID: job.Model, Version: out.Model.Content(), SHA256: out.Model.SHA256, Precision: out.Model.Precision},
		Options: job.Options,
		Hub:     k.Version,
		Runtime: k.Runtime,
		Device:  k.Device,
		Times:   result.Times{Created: job.CreatedAt},
		Edits:   []result.Edit{},
	}
	if out.Scale.Factor > 0 {
		r.Scale = &result.Scale{Asked: job.Diameter, Diameter: found(out.Scale.Diameter), Factor: out.Scale.Factor}
	}
	return r
}

// found is nil of what was not.
func found(diameter float64) *float64 {
	if diameter == 0 {
		return nil
	}
	return &diameter
}

// Receipt says what made a job's result at a revision; 0 is the newest.
func (k *Keeper) Receipt(ctx context.Context, session, job string, revision int) (result.Receipt, error) {
	j, at, err := k.at(ctx, session, job, revision)
	if err != nil {
		return result.Receipt{}, err
	}
	data, err := k.Blobs.Read(ctx, storage.ReceiptKey(session, job))
	if err != nil {
		return result.Receipt{}, err
	}
	var r result.Receipt
	if err := json.Unmarshal(data, &r); err != nil {
		return result.Receipt{}, fmt.Errorf("the receipt of job %s: %w", job, err)
	}
	r.ID, r.Revision = fmt.Sprintf("%s.%d", job, at.Number), at.Number
	if said := j.Calibration; said != nil {
		r.Image.PixelSize = j.PixelSize
		r.Calibration = &result.Calibration{PixelSize: said.PixelSize, At: said.At, Session: said.By}
	}
	if j.StartedAt != nil {
		r.Times.Started = *j.StartedAt
	}
	if j.FinishedAt != nil {
		r.Times.Finished = *j.FinishedAt
	}
	if r.Edits, err = k.edits(ctx, session, job, at.Number); err != nil {
		return r, err
	}
	r.Labels, err = k.digest(ctx, session, j, at)
	return r, err
}

// digest is made when it is asked for: an edit costs what it changes, and this the whole label map.
func (k *Keeper) digest(ctx context.Context, session string, job sessions.Job, at sessions.Revision) (result.Labels, error) {
	s, err := k.open(ctx, session, job, at.Content)
	if err != nil {
		return result.Labels{}, err
	}
	defer s.close()
	d := mask.NewDigest(s.labels.Width, s.labels.Height)
	for band := range s.labels.Bands {
		begin, end := s.labels.Rows(band)
		spans, err := s.Spans(image.Rect(0, begin, s.labels.Width, end))
		if err != nil {
			return result.Labels{}, err
		}
		d.Add(spans)
	}
	return result.Labels{Form: mask.DigestForm, SHA256: d.Sum()}, nil
}

// edits are the revisions of a job after its first, up to one.
func (k *Keeper) edits(ctx context.Context, session, job string, last int) ([]result.Edit, error) {
	if last <= 1 {
		return []result.Edit{}, nil
	}
	all, err := k.jobs.Revisions(ctx, session, job)
	if err != nil {
		return nil, err
	}
	all = all[1:min(last, len(all))]
	edits := make([]result.Edit, len(all))
	reads, ctx := errgroup.WithContext(ctx)
	reads.SetLimit(readsAtOnce)
	for i, revision := range all {
		reads.Go(func() error {
			data, err := k.Blobs.Read(ctx, storage.RevisionKey(session, job, revision.Edit+".edit"))
			if err != nil {
				return err
			}
			var a asked
			if err := unpack(data, &a); err != nil {
				return fmt.Errorf("edit %d of job %s: %w", revision.Number, job, err)
			}
			edits[i] = result.Edit{Revision: revision.Number, At: revision.At, Session: revision.By,
				Operations: append([]correct.Operation{}, a.Operations...), Options: a.Options}
			return nil
		})
	}
	return edits, reads.Wait()
}

// readsAtOnce is how many of the edits of a receipt are read side by side.
const readsAtOnce = 16
