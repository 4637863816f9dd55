package segment

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/text/unicode/norm"

	"seghub/client"
	"seghub/storage/export"
)

// whole are the formats that make one document of all files.
var whole = map[string]bool{"coco": true, "yolo": true, "csv": true, "xlsx": true, "all": true}

// fetcher writes what was made of files to a folder.
type fetcher struct {
	hub     *client.Client
	out     string
	sign    string // what is there as long as out is; empty is out itself
	formats []string
	stems   *stems
	mark    string // as Task's
	lasting bool   // as Task's
	part    int    // of the documents of all files, from 0: a session each
	wrote   bool   // the documents of this part are there
}

// stems are names below out for what is made of pages: no two pages have the same, and one that is made again keeps its own.
type stems struct {
	given map[string]map[int]string // by the path of the page's file, and its number
	taken map[string]export.Names   // by folder below out
	files map[string]string         // what tells a file from those that differ from it in their endings alone, by path
	known map[string]export.Names   // those of files, by folder below out
}

func newStems() *stems {
	return &stems{
		given: map[string]map[int]string{}, taken: map[string]export.Names{},
		files: map[string]string{}, known: map[string]export.Names{},
	}
}

// expect tells files apart in the order in which they were found: which of them is done first must not say what it is called.
func (s *stems) expect(files []File) {
	for _, f := range files {
		if s.files[f.Path] == "" {
			s.files[f.Path] = in(s.known, path.Dir(f.Name)).Of(path.Base(f.Name), 0, 1)
		}
	}
}

// of is the stem of a job's page.
func (s *stems) of(file File, job client.Job) string {
	if stem, given := s.given[file.Path][job.Page]; given {
		return stem
	}
	folder := path.Dir(file.Name)
	stem := path.Join(folder, in(s.taken, folder).Of(s.files[file.Path]+path.Ext(file.Name), job.Page, job.Pages))
	s.give(file.Path, job.Page, stem)
	return stem
}

// in are the names of a folder, which not every system tells from one in other cases, or of composed letters.
func in(names map[string]export.Names, folder string) export.Names {
	folder = strings.ToLower(norm.NFC.String(folder))
	if names[folder] == nil {
		names[folder] = export.Names{}
	}
	return names[folder]
}

// give takes a stem for a page.
func (s *stems) give(file string, page int, stem string) {
	if s.given[file] == nil {
		s.given[file] = map[int]string{}
	}
	s.given[file][page] = stem
	in(s.taken, path.Dir(stem)).Take(path.Base(stem))
}

// leastRoom is how many bytes a folder must take: a disk that is all but full still takes empty files.
const leastRoom = 1 << 20

// writable tells why nothing can be written to out, before work goes into what is to be written.
func (f *fetcher) writable() error {
	err := f.takes(leastRoom)
	var of *fs.PathError
	if errors.As(err, &of) { // what was tried is called otherwise each time
		return fmt.Errorf("%s takes no files: %w", f.out, of.Err)
	}
	return err
}

func (f *fetcher) takes(bytes int) error {
	probe, err := os.CreateTemp(f.out, partPrefix+f.mark)
	if err != nil {
		return err
	}
	_, err = probe.Write(make([]byte, bytes))
	return errors.Join(err, probe.Close(), os.Remove(probe.Name()))
}

// partPrefix begins the name of what is being written, hidden from whoever takes what lies there.
const partPrefix = ".seghub-"

// markOf is the mark of a watcher.
func markOf(watcher string) string { return watcher + "-" }

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
	stem := "results"
	if f.part > 0 {
		stem = fmt.Sprintf("results-%d", f.part+1)
	}
	for _, format := range f.formats {
		if whole[format] {
			if err := f.export(ctx, stem, format, nil); err != nil {
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

// isThere tells why out is not, as when its share was unmounted or its disk unplugged: what is written in its place lies on the disk of the system,
// and is seen by nobody.
func (f *fetcher) isThere() error {
	_, err := os.Stat(cmp.Or(f.sign, f.out))
	return err
}

// unwritten is why a file could not be written where it belongs: that one is lost, others are not.
type unwritten struct{ error }

func (u unwritten) Unwrap() error { return u.error }

// save writes a file that appears under its name once it is whole. to begins it anew for each try.
func (f *fetcher) save(name string, fetch func(to func() (io.Writer, error)) error) (err error) {
	target := filepath.Join(f.out, filepath.FromSlash(name))
	if err := f.isThere(); err != nil {
		return unwritten{err}
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return unwritten{err}
	}
	// It has the rights that new files have here. Many a share refuses to change them later.
	part, err := os.OpenFile(filepath.Join(filepath.Dir(target), partPrefix+f.mark+rand.Text()), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return unwritten{err}
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
	if err == nil && f.lasting {
		if synced := part.Sync(); synced != nil {
			err = unwritten{synced}
		}
	}
	if closed := part.Close(); err == nil && closed != nil {
		err = unwritten{closed}
	}
	if err != nil {
		return err
	}
	if err := os.Rename(part.Name(), target); err != nil { // which another program holds open, perhaps
		return unwritten{err}
	}
	if f.lasting {
		return f.settle(filepath.Dir(target))
	}
	return nil
}

// settle has the names in a folder below out, and those of the folders on the way there, outlast a power cut: a file that was written through
// may have none after it.
func (f *fetcher) settle(folder string) error {
	for {
		if err := syncFolder(folder); err != nil {
			return unwritten{err}
		}
		if below, err := filepath.Rel(f.out, folder); err != nil || below == "." {
			return nil
		}
		folder = filepath.Dir(folder)
	}
}

// syncFolder writes through what a folder says of what is in it. A share that does not know of that, or a folder that may not be read, has done what
// it can.
func syncFolder(folder string) error {
	dir, err := os.Open(folder)
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return err
	}
	err = dir.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) {
		err = nil
	}
	return errors.Join(err, dir.Close())
}
