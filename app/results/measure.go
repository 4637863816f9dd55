package results

import (
	"context"
	"encoding/json"
	"image"
	"io"
	"math"

	"seghub/models/imageio"
	"seghub/models/mask"
	"seghub/models/mask/result"
	"seghub/sessions"
	"seghub/storage"
)

// Measure cuts the stored probability map of a job into objects again. keep makes of it the job's next revision; it fails with
// sessions.ErrConflict when there was another one meanwhile.
func (k *Keeper) Measure(ctx context.Context, session, job string, options func(*mask.Options) error, keep bool) (result.Result, error) {
	j, err := k.done(ctx, session, job)
	if err != nil {
		return result.Result{}, err
	}
	chosen := j.Options
	if err := options(&chosen); err != nil {
		return result.Result{}, err
	}
	over, err := k.turn(ctx)
	if err != nil {
		return result.Result{}, err
	}
	defer over()
	r, err := k.head(ctx, session, job, first)
	if err != nil {
		return result.Result{}, err
	}
	cut, err := k.cut(ctx, session, j, chosen)
	if err != nil {
		return result.Result{}, err
	}
	if err := k.light(ctx, session, j, cut.Objects, cut.Spans); err != nil {
		return result.Result{}, err
	}
	calibrate(cut.Objects, j)
	r.Image.PixelSize = j.PixelSize
	r.Options, r.Objects, r.Summary, r.Revision = chosen, cut.Objects, cut.Summary, j.Revision
	if keep {
		r.Revision++
		return r, k.keep(ctx, session, j, r, cut.Spans)
	}
	return r, nil
}

// cut segments the stored map, band by band: what is held is what its objects span.
func (k *Keeper) cut(ctx context.Context, session string, job sessions.Job, o mask.Options) (mask.Segmentation, error) {
	blob, err := k.Blobs.Open(ctx, storage.ProbabilityKey(session, job.ID))
	if err != nil {
		return mask.Segmentation{}, err
	}
	defer blob.Close()
	bands, err := mask.ReadBands(blob, k.Pixels)
	if err != nil {
		return mask.Segmentation{}, err
	}
	segmenter := mask.NewSegmenter(bands.Width, bands.Height, o)
	var bodies []mask.Body
	for band := range bands.Bands {
		if ctx.Err() != nil {
			return mask.Segmentation{}, ctx.Err()
		}
		begin, end := bands.Rows(band)
		channels := make([][]uint8, bands.Channels)
		for c := range channels {
			if channels[c], err = bands.Read(band, c, nil); err != nil {
				return mask.Segmentation{}, err
			}
		}
		bodies = append(bodies, segmenter.Add(mask.OfChannels(bands.Width, end-begin, channels))...)
	}
	return mask.Gather(bands.Width, bands.Height, bodies), nil
}

// keep makes what was measured anew the next revision of a job.
func (k *Keeper) keep(ctx context.Context, session string, job sessions.Job, r result.Result, spans []mask.Span) error {
	id := newID()
	asked, err := pack(asked{Options: &r.Options})
	if err != nil {
		return err
	}
	c := content{base: id}
	blobs := written{
		storage.RevisionKey(session, job.ID, id+".edit"): bytesOf(asked),
		resultKey(session, job.ID, c.base):               r.Write,
		labelsKey(session, job.ID, c.base): func(w io.Writer) error {
			return mask.WriteLabels(w, r.Image.Width, r.Image.Height, spans)
		},
	}
	_, err = k.revise(ctx, session, job, blobs, sessions.NewRevision{
		Content: c.String(), Edit: id, Options: r.Options, Count: r.Summary.Count,
		Changed: untold, Removed: json.RawMessage("[]"), Box: boxJSON(image.Rect(0, 0, r.Image.Width, r.Image.Height)),
	})
	return err
}

// revise stores the blobs of a job's next revision and makes it the newest.
func (k *Keeper) revise(ctx context.Context, session string, job sessions.Job, blobs written, next sessions.NewRevision) (int, error) {
	err := k.write(ctx, blobs)
	revision := 0
	if err == nil {
		revision, err = k.jobs.Revise(ctx, session, job.ID, job.Revision, next)
	}
	if err != nil && known(err) {
		k.discard(ctx, blobs)
	}
	return revision, err
}

// light sets the intensities of objects, whose spans are in reading order, from the job's image.
func (k *Keeper) light(ctx context.Context, session string, job sessions.Job, objects []mask.Object, spans []mask.Span) error {
	if len(objects) == 0 {
		return nil
	}
	blob, err := k.Blobs.Open(ctx, storage.ImageKey(session, job.ImageID))
	if err != nil {
		return err
	}
	defer blob.Close()
	file, err := imageio.Open(ctx, blob, blob.Size(), imageio.Limits{Pixels: k.Pixels})
	if err != nil {
		return err
	}
	reader, err := file.Reader(ctx, job.Plane, k.Budget)
	if err != nil {
		return err
	}
	defer reader.Close()
	return mask.Intensities(ctx, objects, spans, imageio.NewRows(reader, file.Pages[job.Plane.Page], bounds(spans)))
}

// calibrate gives objects their measures in micrometres where these are known; what is stored has those of when it was made.
func calibrate(objects []mask.Object, job sessions.Job) {
	if job.PixelSize != nil {
		mask.Calibrate(objects, *job.PixelSize)
		return
	}
	for i := range objects {
		objects[i].Calibrated = nil
	}
}

// bounds of spans, of which there is one at least.
func bounds(spans []mask.Span) image.Rectangle {
	box := image.Rectangle{Min: image.Pt(math.MaxInt32, int(spans[0].Y)), Max: image.Pt(0, int(spans[len(spans)-1].Y)+1)}
	for _, s := range spans {
		box.Min.X, box.Max.X = min(box.Min.X, int(s.X0)), max(box.Max.X, int(s.X1))
	}
	return box
}
