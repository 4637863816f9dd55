package segment

import (
	"context"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"

	"seghub/client"
	"seghub/storage/export"
)

// whole are the formats that make one document of all files.
var whole = map[string]bool{"coco": true, "yolo": true, "csv": true, "xlsx": true, "all": true}

// fetcher writes what was made of files to a folder.
type fetcher struct {
	hub     *client.Client
	out     string
	formats []string
	names   map[string]export.Names // by folder below out
}

// stem is a name for the files of one job, below the folder of its image, that no other job has.
func (f *fetcher) stem(file File, job client.Job) string {
	folder := path.Dir(file.Name)
	if f.names[folder] == nil {
		f.names[folder] = export.Names{}
	}
	return path.Join(folder, f.names[folder].Of(path.Base(file.Name), job.Page, job.Pages))
}

// ofJob fetches the formats that each image has a file of its own in; those of all images too where each is alone.
func (f *fetcher) ofJob(ctx context.Context, stem string, job client.Job, alone bool) error {
	for _, format := range f.formats {
		var err error
		switch {
		case format == "masks":
			err = f.save(stem+maskEnding, func(to func() (io.Writer, error)) error {
				return f.hub.Download(ctx, job.ID, "mask.png", to)
			})
		case format == "labels":
			err = f.save(stem+labelsEnding, func(to func() (io.Writer, error)) error {
				return f.hub.Download(ctx, job.ID, "labels.tif", to)
			})
		case alone || !whole[format]:
			err = f.export(ctx, stem, format, []string{job.ID})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ofAll fetches the documents of all that is done in the session.
func (f *fetcher) ofAll(ctx context.Context) error {
	for _, format := range f.formats {
		if whole[format] {
			if err := f.export(ctx, "results", format, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *fetcher) export(ctx context.Context, stem, format string, jobs []string) error {
	count := len(jobs)
	kind, err := export.KindOf(format, count)
	if err != nil {
		return err
	}
	ending := kind.Extension
	if ending == ".zip" {
		ending = "." + format + ending
	}
	return f.save(stem+ending, func(to func() (io.Writer, error)) error {
		return f.hub.Export(ctx, format, jobs, to)
	})
}

// save writes a file that appears under its name once it is whole. to begins it anew for each try.
func (f *fetcher) save(name string, fetch func(to func() (io.Writer, error)) error) (err error) {
	target := filepath.Join(f.out, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	part, err := os.CreateTemp(filepath.Dir(target), ".seghub-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(part.Name()))
		}
	}()
	err = fetch(func() (io.Writer, error) {
		if _, err := part.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		return part, part.Truncate(0)
	})
	if err == nil {
		err = part.Chmod(0o644)
	}
	if err = errors.Join(err, part.Close()); err != nil {
		return err
	}
	return os.Rename(part.Name(), target)
}
