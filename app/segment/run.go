package segment

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"seghub/client"
	"seghub/storage/export"
)

// rounds is how often a hub may have forgotten everything before that is taken for its fault.
const rounds = 5

// Task is what to do with each file.
type Task struct {
	Hub     client.Config
	Model   string
	Options client.Options
	Out     string
	Formats []string
	Alone   bool // each file makes documents of its own, in all formats
	Board   *Board
	Ahead   int          // at most so many files are at the hub that have not ended; 0 is any number
	Full    <-chan error // says why the hub has no room for results, which only the session's end makes; may be nil

	stems   *stems     // that were given out before; may be nil
	made    func(File) // hears of each file of which all was made, one at a time; may be nil
	sign    string     // lies in Out, if that is not another folder in its place; may be empty
	mark    string     // in the name of what is being written, by which another watcher knows what this one has left; may be empty
	lasting bool       // what is written outlasts a power cut, once made hears of it
}

// Validate says which format there is not.
func (t Task) Validate() error {
	for _, format := range t.Formats {
		if _, err := export.KindOf(format, 1); err != nil {
			return fmt.Errorf("%q is not a format; there are %v", format, export.Formats())
		}
	}
	return nil
}

// Failure is a file that came to nothing, or not to all that it should have, and why.
type Failure struct {
	File File
	Err  error
}

// String says it in one line.
func (f Failure) String() string { return plain(fmt.Sprintf("failed: %s: %v", f.File.Path, f.Err)) }

// Run segments files and writes what was asked for. Failures are those of single files; the error is that of the whole.
func Run(ctx context.Context, task Task, files []File) ([]Failure, error) {
	items := make([]*item, len(files))
	for i, f := range files {
		items[i] = &item{File: f}
	}
	if !task.Alone { // whoever watches has made it once
		if err := os.MkdirAll(task.Out, 0o755); err != nil {
			return nil, err
		}
	}
	fetch := fetcher{out: task.Out, sign: task.sign, formats: task.Formats, stems: task.stems, mark: task.mark, lasting: task.lasting}
	if err := fetch.writable(); err != nil {
		return nil, err
	}
	if fetch.stems == nil {
		fetch.stems = newStems()
	}
	fetch.stems.expect(files)
	task.Board.start(len(items))
	defer task.Board.end()
	todo := items
	var stalled stalledError
	for lost := 0; ; {
		err := runRound(ctx, task, &fetch, todo)
		switch {
		case errors.As(err, &stalled):
			if !slices.ContainsFunc(todo, func(it *item) bool { return it.ended }) && stalled.ahead <= 1 {
				return failuresOf(items), noRoom(stalled.error)
			}
			task.Ahead = max(1, stalled.ahead/2)
			task.Board.Say(fmt.Sprintf("There is no room for the results of so many files at once: another session is begun for the rest, with %d at a time.", task.Ahead))
			fetch.keep(items)
		case errors.Is(err, errFull):
			task.Board.Say("The session has no more room at the hub: another one is begun for the rest.")
			fetch.keep(items)
		case client.HasCode(err, client.CodeUnauthorized) && lost+1 < rounds:
			task.Board.Say("The hub has forgotten this session: a new one is begun.")
			lost++
		default:
			return failuresOf(items), err
		}
		todo = nil
		for _, it := range items {
			if !it.ended || it.err == nil && !it.kept && task.makesWhole() { // a document of all files needs all of them in one session
				it.restart()
				todo = append(todo, it)
			}
		}
	}
}

// makesWhole tells whether there is a document of all files to be made.
func (t Task) makesWhole() bool {
	return !t.Alone && slices.ContainsFunc(t.Formats, func(format string) bool { return whole[format] })
}

func failuresOf(items []*item) (list []Failure) {
	for _, it := range items {
		if it.err != nil {
			list = append(list, Failure{it.File, it.err})
		}
	}
	return list
}

// keep has what has ended stay in the documents that were made of it, and the next ones be called otherwise.
func (f *fetcher) keep(items []*item) {
	for _, it := range items {
		it.kept = it.ended
	}
	if f.wrote {
		f.part++
	}
	f.wrote = false
}

// item is a file on its way.
type item struct {
	File
	jobs  []string // that were made of it; nil until it is sent
	ended bool
	kept  bool // it is in the documents of a session before
	err   error
}

// restart has a file begin anew.
func (it *item) restart() { it.jobs, it.ended, it.err = nil, false, nil }

// parting is how long leaving a hub may take.
const parting = 10 * time.Second

// runRound does the work of one session.
func runRound(ctx context.Context, task Task, fetch *fetcher, items []*item) error {
	hub, err := client.Open(ctx, task.Hub)
	if err != nil {
		return err
	}
	fetch.hub = hub
	r := newRound(task, hub, fetch, items)
	err = r.run(ctx)
	if (err == nil || errors.Is(err, errFull) || errors.As(err, new(stalledError))) && !task.Alone && slices.ContainsFunc(items, func(it *item) bool { return it.ended && it.err == nil }) {
		if failed := fetch.ofAll(ctx); failed != nil {
			err = failed
		}
		fetch.wrote = true
	}
	if client.HasCode(err, client.CodeUnauthorized) {
		hub.Disconnect()
		return err
	}
	// Whatever was not done will be wanted by nobody.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), parting)
	defer cancel()
	if closed := hub.Close(ctx); err == nil && closed != nil {
		task.Board.Say("The session at the hub could not be ended; it ends by itself: " + closed.Error())
	}
	return err
}

// why is the reason of a job that is not done.
func why(job client.Job) error {
	switch {
	case job.State == client.Cancelled:
		return errors.New("cancelled")
	case job.Error != nil:
		return job.Error
	}
	return errors.New("failed")
}
