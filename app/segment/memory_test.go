package segment

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// day is a folder of images at a stand-in for a hub, all of which a watcher has done with the results in out.
func day(t *testing.T, names ...string) (folder string, job Task) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "day")
	job = task(t, newStandIn(t).URL, t.TempDir(), "masks")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, f := range dots(t, folder, len(names)) {
		if err := os.Rename(f.Path, filepath.Join(folder, names[0])); err != nil {
			t.Skip("left out: names that this system does not take: ", err)
		}
		names = names[1:]
	}
	look(t, job, folder)
	return folder, job
}

// look has a new watcher do what there is.
func look(t *testing.T, job Task, folder string) *watcher {
	t.Helper()
	w, err := newWatcher(job, folder)
	for range atRest {
		if err == nil {
			err = w.look(t.Context())
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// wantMade fails the test unless out has so many masks.
func wantMade(t *testing.T, job Task, n int) {
	t.Helper()
	made, err := filepath.Glob(filepath.Join(job.Out, "*"+maskEnding))
	if err != nil || len(made) != n {
		t.Errorf("made %q, want %d", made, n)
	}
}

func TestTheSameFolderGoesOnWhateverItIsCalled(t *testing.T) {
	folder, job := day(t, "a.png", "b.png")
	t.Chdir(filepath.Dir(folder))
	calls := []string{"day", filepath.Join(folder, "..", "day")}
	if err := os.Symlink(folder, "link"); err == nil {
		calls = append(calls, "link")
	}
	for _, call := range calls {
		if w := look(t, job, call); len(w.rests) > 0 || len(w.did) != 2 {
			t.Errorf("%s: did %v anew, %v in all", call, w.rests, w.did)
		}
	}
	// Moved to where times are rounded, with a file that has changed and one more.
	if err := os.Rename(folder, "moved"); err != nil {
		t.Fatal(err)
	}
	rounded := time.Now().Add(-time.Hour).Truncate(2 * time.Second)
	w := look(t, job, "moved")
	for name, d := range w.did {
		d.Modified = rounded.Add(time.Second)
		w.did[name] = d
		if err := os.Chtimes(filepath.Join("moved", name), rounded, rounded); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.write(), os.Rename("moved", "again")); err != nil {
		t.Fatal(err)
	}
	dots(t, "again", 1)
	if w := look(t, job, "again"); len(w.rests) != 1 || len(w.did) != 3 {
		t.Errorf("moved: did %v anew, %v in all", w.rests, w.did)
	}
	wantMade(t, job, 3)
}

func TestResultsOfAnotherFolderAreNotWrittenOver(t *testing.T) {
	folder, job := day(t, "00000.png")
	other := t.TempDir()
	f := dots(t, other, 1)[0]
	then := time.Now().Add(-time.Hour)
	if err := os.Chtimes(f.Path, then, then); err != nil {
		t.Fatal(err)
	}
	refused := func(why string) {
		t.Helper()
		if _, err := newWatcher(job, other); err == nil || !strings.Contains(err.Error(), "say another --out") {
			t.Errorf("%s: %v", why, err)
		}
	}
	refused("beside it")
	if err := os.Rename(folder, folder+" done"); err != nil {
		t.Fatal(err)
	}
	refused("while the first is away")
	if err := os.Rename(other, folder); err != nil {
		t.Fatal(err)
	}
	other = folder
	if w := look(t, job, other); len(w.did) != 1 {
		t.Errorf("in its place: did %v", w.did)
	}
	w := look(t, job, other)
	w.did["00000.png"] = did{seen: seen{1, then}}
	p, err := w.read()
	if err != nil {
		t.Fatal(err)
	}
	if p.Machine = "another"; w.isOf(p) {
		t.Error("a folder of the same way on another machine is the same")
	}
}

func TestOfTwoWatchersTheSecondGoesOn(t *testing.T) {
	folder, job := day(t)
	first, second := look(t, job, folder), look(t, job, folder)
	dots(t, folder, 1)
	for range atRest - 1 {
		if err := errors.Join(first.look(t.Context()), second.look(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{first.look(t.Context()), first.keep()} {
		if !errors.Is(err, errDisplaced) {
			t.Error(err)
		}
	}
	if err := second.look(t.Context()); err != nil || len(second.did) != 1 {
		t.Errorf("%v, did %v", err, second.did)
	}
}

// TestWhoWritesIsSaidFirst reads no further: what follows may be of a hundred thousand files.
func TestWhoWritesIsSaidFirst(t *testing.T) {
	folder, job := day(t)
	w := look(t, job, folder)
	name := filepath.Join(job.Out, memory)
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := bytes.Cut(data, []byte(`"done"`))
	for _, writer := range []string{w.id, "another"} {
		text := strings.Replace(string(head), w.id, writer, 1) + `"done": no more than that`
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := w.isDisplaced(); errors.Is(err, errDisplaced) != (writer != w.id) || err != nil && !strings.Contains(err.Error(), resolved(folder)+" on "+machine()) {
			t.Errorf("%s: %v", writer, err)
		}
	}
}

func TestNamesAreRememberedWhateverTheirBytes(t *testing.T) {
	folder, job := day(t, "Gr\xf6\xdfe.png", "Gr\xf6\xdfe 5%25.png", "Größe.png", "5%.png")
	if w := look(t, job, folder); len(w.rests) > 0 || len(w.did) != 4 {
		t.Errorf("did %v anew, %v in all", w.rests, w.did)
	}
	wantMade(t, job, 4)
}

// TestAMemoryFromBefore has one that does not say yet whose it is, nor escapes names.
// TestTimesAreRememberedWhateverTheirYear has those of clocks that were wrong: shares keep times that JSON does not.
func TestTimesAreRememberedWhateverTheirYear(t *testing.T) {
	for _, year := range []int{-1, 0, 1, 2026, 9999, 10000, 30828} {
		folder := fstest.MapFS{"a.tif": {Data: []byte("image"), ModTime: time.Date(year, 7, 1, 12, 0, 0, 1, time.UTC)}}
		info, err := folder.Stat("a.tif")
		if err != nil {
			t.Fatal(err)
		}
		before, after := asSeen(info), seen{}
		data, err := json.Marshal(before)
		if err == nil {
			err = json.Unmarshal(data, &after)
		}
		if err != nil || after != before {
			t.Errorf("%d: %v after %v: %v", year, after, before, err)
		}
	}
}

func TestAMemoryFromBefore(t *testing.T) {
	folder, job := day(t, "5%.png")
	now := see(File{Path: filepath.Join(folder, "5%.png")})
	before := fmt.Sprintf(`{"5%%.png": {"size": %d, "modified": %q, "stems": {"0": "5%%"}}}`, now.Size, now.Modified.Format(time.RFC3339Nano))
	if err := os.WriteFile(filepath.Join(job.Out, memory), []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	if w := look(t, job, folder); len(w.rests) > 0 || w.did["5%.png"].Stems[0] != "5%" {
		t.Errorf("did %v anew, %v", w.rests, w.did)
	}
}

// TestWhatIsDoneIsAdded has a watcher end in the middle of a word: nothing but that is lost, and what was written down is not written again for
// each file that follows.
func TestWhatIsDoneIsAdded(t *testing.T) {
	folder, job := day(t, "a.png", "b.png", "c.png")
	name := filepath.Join(job.Out, memory)
	w := look(t, job, folder)
	before, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	dots(t, folder, 2)
	for range atRest {
		if err := w.look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := os.ReadFile(name)
	if err != nil || !bytes.HasPrefix(whole, before) || bytes.Count(whole[len(before):], []byte("\n")) != 1 {
		t.Fatalf("%s was made of %s: %v", whole, before, err)
	}
	for cut, want := range map[int]int{0: 5, 1: 5, 20: 3, len(whole) - len(before): 3} {
		if err := os.WriteFile(name, whole[:len(whole)-cut], 0o600); err != nil {
			t.Fatal(err)
		}
		if w, err := newWatcher(job, folder); err != nil || len(w.did) != want {
			t.Errorf("without the last %d bytes: did %d, not %d; %v", cut, len(w.did), want, err)
		}
	}
	// What could not be added, or not all of it, is written with all else.
	if w, err = newWatcher(job, folder); err != nil {
		t.Fatal(err)
	}
	w.torn, w.did["torn.png"] = true, did{}
	if err := w.keep(); err != nil || w.torn {
		t.Error(err)
	}
	if p, err := w.read(); err != nil || len(p.Done) != len(w.did) {
		t.Errorf("%v, %v", p.Done, err)
	}
}

// TestWhatAKilledWatcherLeftIsSweptUp has it leave what it was writing, beside what others are.
func TestWhatAKilledWatcherLeftIsSweptUp(t *testing.T) {
	folder, job := day(t, "a.png")
	killed := look(t, job, folder)
	below := filepath.Join(job.Out, "below")
	if err := os.Mkdir(below, 0o700); err != nil {
		t.Fatal(err)
	}
	leave := func(mark string) {
		t.Helper()
		for _, out := range []string{job.Out, below} {
			f := fetcher{out: out, mark: mark}
			err := f.save("left", func(to func() (io.Writer, error)) error {
				w, err := to()
				if err == nil {
					_, err = io.WriteString(w, "half")
				}
				// As it is at this moment a kill leaves it.
				return errors.Join(err, os.Link(w.(*os.File).Name(), w.(*os.File).Name()+"-left"))
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	leave(killed.task.mark)
	leave("")
	leave(markOf("another"))
	parts := func() (n int) {
		for _, out := range []string{job.Out, below} {
			left, err := filepath.Glob(filepath.Join(out, partPrefix+"*-left"))
			if err != nil {
				t.Fatal(err)
			}
			n += len(left)
		}
		return n
	}
	if n := parts(); n != 6 {
		t.Fatalf("%d files are left", n)
	}
	look(t, job, folder)
	if n := parts(); n != 4 {
		t.Errorf("%d files are left, not those of others alone", n)
	}
	wantMade(t, job, 1)
}

// TestAWatcherThatBeginsAtAFullDiskIsNotDisplaced has it write nothing at its start: it is not ended by the one before, whose memory lies there.
func TestAWatcherThatBeginsAtAFullDiskIsNotDisplaced(t *testing.T) {
	folder, job := day(t, "a.png")
	full := filepath.Join(job.Out, memory+".new") // in whose place nothing can be written
	if err := os.Mkdir(full, 0o700); err != nil {
		t.Fatal(err)
	}
	dots(t, folder, 1)
	w := look(t, job, folder)
	if len(w.did) != 1 || w.woe == "" {
		t.Errorf("did %v, said %q", w.did, w.woe)
	}
	if err := errors.Join(os.Remove(full), w.look(t.Context())); err != nil || len(w.did) != 2 {
		t.Errorf("%v, did %v", err, w.did)
	}
	wantMade(t, job, 2)
}

// TestAMemoryWithoutTheNamesOfResults is of before these were written down: a file that comes with the name of one that is done, but for its
// ending, must not be written over its results.
func TestAMemoryWithoutTheNamesOfResults(t *testing.T) {
	folder, job := day(t, "a.png")
	now := see(File{Path: filepath.Join(folder, "a.png")})
	before := fmt.Sprintf(`{"a.png": {"size": %d, "modified": %q}}`, now.Size, now.Modified.Format(time.RFC3339Nano))
	if err := os.WriteFile(filepath.Join(job.Out, memory), []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dots(t, folder, 1)[0].Path, filepath.Join(folder, "a.tif")); err != nil {
		t.Fatal(err)
	}
	if w := look(t, job, folder); w.did["a.tif"].Stems[0] != "a-2" {
		t.Errorf("made %v", w.did)
	}
	wantMade(t, job, 2)
}
