package httpapi

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"

	"seghub/models/imageio"
	"seghub/sessions"
	"seghub/sessions/problem"
	"seghub/storage"
)

// taken is one file that is stored, and what it holds.
type taken struct {
	sessions.NewJob     // without what the form says
	index           int // of the file among those of the request, from 0
	file            *imageio.File
}

// judge reads the headers of a stored image, of all of its pages.
func (u *uploading) judge(ctx context.Context, key string, file *taken) error {
	blob, err := u.Blobs.Open(ctx, key)
	if err != nil {
		return err
	}
	defer blob.Close()
	if blob.Size() == 0 {
		return problem.New(problem.UnsupportedFormat, "The file is empty.")
	}
	if err := imageio.JudgeName(file.Filename); err != nil {
		return err
	}
	file.file, err = imageio.Open(ctx, blob, blob.Size(), imageio.Limits{Pixels: u.Limits.Pixels, Pages: maxPages, Memory: u.Limits.Memory})
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = imageio.ErrCorrupt // the file is cut, not the request
	}
	return err
}

// plan makes a job of each plane that the form chooses of the files, once it is complete; a file of which it chooses nothing is
// refused then.
func (u *uploading) plan() {
	kept := u.taken[:0]
	for _, file := range u.taken {
		planes, err := u.choose(file)
		if err != nil {
			u.delete(storage.ImageKey(u.session, file.ImageID))
			u.reject(file, err)
			continue
		}
		for _, plane := range planes {
			u.planned = append(u.planned, u.form.job(file, plane))
		}
		kept = append(kept, file)
	}
	u.taken = kept
	slices.SortFunc(u.rejected, func(a, b rejection) int { return cmp.Compare(a.Index, b.Index) })
}

// choose finds the planes of a file that the form is of.
func (u *uploading) choose(file taken) ([]imageio.Plane, error) {
	planes, err := file.file.Planes(u.form.choice)
	if err != nil {
		return nil, chosen(err)
	}
	for _, plane := range planes {
		if page := file.file.Pages[plane.Page]; min(page.Width, page.Height) < minSide {
			return nil, problem.Newf(problem.BadRequest, "The image is %d x %d pixels: too small to find anything in.", page.Width, page.Height)
		}
		memory, err := file.file.Memory(plane)
		if err == nil && u.Limits.Memory > 0 && memory > u.Limits.Memory {
			err = problem.Newf(problem.ImageTooLarge, "Projecting this image takes %d MB and the server has %d MB for that: project it before.",
				memory/1e6, u.Limits.Memory/1e6)
		}
		if err != nil {
			return nil, err
		}
	}
	return planes, nil
}

// chosen is the problem of a choice that cannot be made.
func chosen(err error) error {
	var refused *imageio.Refusal
	if errors.As(err, &refused) {
		return problem.New(problem.BadRequest, refused.Detail)
	}
	return err
}

// job is what is to be done with one plane of a file.
func (f *form) job(file taken, plane imageio.Plane) sessions.NewJob {
	page := file.file.Pages[plane.Page]
	job := file.NewJob
	job.Width, job.Height = page.Width, page.Height
	job.Place = sessions.Place{
		Page: plane.Page, Pages: len(file.file.Pages), Channel: page.Channel, Z: page.Z, T: page.T, Projection: "none", Plain: page.Plain, Plane: plane,
	}
	if page.Samples > 1 && file.file.ChannelsAreSamples() {
		job.Channel, job.Sample = plane.Sample, &plane.Sample
	}
	if plane.Max {
		job.Projection = "max"
	}
	if size := cmp.Or(f.pixelSize, page.PixelSize); size > 0 {
		job.PixelSize = &size
	}
	if f.pixelSize > 0 {
		job.Calibration = nil // what is said of this job holds
	}
	if f.diameter > 0 {
		job.Diameter = &f.diameter
	}
	job.Model, job.Options = f.model, f.options
	return job
}
