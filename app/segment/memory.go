package segment

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// memory is where a watcher writes down what it did, in the folder out, so that another one goes on there: what past says, and after that more
// of what is done, as it is.
const memory = ".seghub-watched.json"

// past is what memory says first.
type past struct {
	Watcher string         `json:"watcher"` // that wrote it
	Machine string         `json:"machine"` // on which that was
	Folder  text           `json:"folder"`  // that was watched there, from the root and without links
	Done    map[string]did `json:"done"`    // by name, escaped
}

// more is what follows.
type more struct {
	Done map[string]did `json:"done"`
}

// did is a file that is done, and how what was made of its pages is called.
type did struct {
	seen
	Stems map[int]text `json:"stems,omitempty"`
}

func (d *did) name(page int, stem string) {
	if d.Stems == nil {
		d.Stems = map[int]text{}
	}
	d.Stems[page] = text(stem)
}

// text is the name of a file in JSON, which takes no bytes that are not UTF-8.
type text string

// MarshalText writes a text.
func (t text) MarshalText() ([]byte, error) { return []byte(escaped(string(t))), nil }

// UnmarshalText reads a text.
func (t *text) UnmarshalText(data []byte) error {
	*t = text(unescaped(string(data)))
	return nil
}

// escaped is a name with % and what is not UTF-8 as in a URL.
func escaped(name string) string {
	if utf8.ValidString(name) && !strings.Contains(name, "%") {
		return name
	}
	var b strings.Builder
	for i, r := range name {
		switch _, size := utf8.DecodeRuneInString(name[i:]); {
		case r == utf8.RuneError && size == 1, r == '%':
			fmt.Fprintf(&b, "%%%02X", name[i])
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// unescaped is the name that escaped wrote.
func unescaped(name string) string {
	if plain, err := url.PathUnescape(name); err == nil {
		return plain
	}
	return name
}

// read is what memory says; nothing where there is none.
func (w *watcher) read() (p past, err error) {
	data, err := os.ReadFile(filepath.Join(w.task.Out, memory))
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	documents := json.NewDecoder(bytes.NewReader(data))
	var first json.RawMessage
	if err == nil {
		err = documents.Decode(&first)
	}
	if err == nil {
		err = json.Unmarshal(first, &p)
	}
	if err == nil && p.Watcher == "" { // as it was before it said whose it is
		err = json.Unmarshal(first, &p.Done)
	}
	if err != nil {
		return p, err
	}
	for {
		var m more
		if documents.Decode(&m) != nil { // the end, or what was being written when all ended
			return p, nil
		}
		if p.Done == nil {
			p.Done = m.Done
		}
		maps.Copy(p.Done, m.Done)
	}
}

// remember reads what a watcher before did. Of another folder that is not taken: its results would be written over.
func (w *watcher) remember() error {
	name := filepath.Join(w.task.Out, memory)
	p, err := w.read()
	if err != nil {
		return fmt.Errorf("what was done cannot be read in %s, without which all is done again: %w", name, err)
	}
	for key, d := range p.Done {
		w.did[unescaped(key)] = d
	}
	if len(w.did) > 0 && !w.isOf(p) {
		return fmt.Errorf("in %s lies what was made of another folder, %s on %s: files of the same name would be written over, so say another --out. "+
			"Where it is the same folder with other files in it, delete %s", w.task.Out, p.Folder, p.Machine, name)
	}
	var unsaid []File // how what was made of them is called: a watcher of before called it by their names
	for file, d := range w.did {
		path := filepath.Join(w.dir, filepath.FromSlash(file))
		for page, stem := range d.Stems {
			w.task.stems.give(path, page, string(stem))
		}
		if len(d.Stems) == 0 {
			unsaid = append(unsaid, File{path, file})
		}
	}
	slices.SortFunc(unsaid, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	w.task.stems.expect(unsaid)
	if p.Watcher != "" {
		w.sweep(p.Watcher)
	}
	return nil
}

// sweep deletes what a watcher before was writing when it was killed, and nobody else's. What cannot be deleted is in nobody's way.
func (w *watcher) sweep(before string) {
	_ = filepath.WalkDir(w.task.Out, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasPrefix(entry.Name(), partPrefix+markOf(before)) {
			_ = os.Remove(path)
		}
		return nil
	})
}

// isOf tells whether the folder that is watched is the one that was: the same in spite of how it is called here, or with the same files in it
// where it lay elsewhere, be it on another machine, of which that of the same way is another one. Their times may have been rounded.
func (w *watcher) isOf(p past) bool {
	if there, err := os.Stat(string(p.Folder)); err == nil && p.Machine == machine() {
		here, err := os.Stat(w.dir)
		return err == nil && os.SameFile(here, there)
	}
	const rounded = 2 * time.Second // as FAT does
	same, other := 0, 0
	for file, d := range w.did {
		now := see(File{Path: filepath.Join(w.dir, filepath.FromSlash(file))})
		switch {
		case now == (seen{}):
		case now.Size == d.Size && now.Modified.Sub(d.Modified).Abs() <= rounded:
			same++
			d.seen = now
			w.did[file] = d
		default:
			other++
		}
	}
	return same > other || same == other && string(p.Folder) == resolved(w.dir)
}

// machine tells the machines of a lab apart.
func machine() string {
	name, _ := os.Hostname() // those that have no name are the same
	return name
}

// errDisplaced ends a watcher in whose place another one writes.
var errDisplaced = errors.New("another watcher has begun to write there")

// writer is what memory says before what is done, which may be of a hundred thousand files on a share.
func (w *watcher) writer() (p past, err error) {
	file, err := os.Open(filepath.Join(w.task.Out, memory))
	if err != nil {
		return p, err
	}
	defer file.Close()
	decoder := json.NewDecoder(file)
	_, err = decoder.Token() // the brace
	for err == nil && decoder.More() {
		var key json.Token
		if key, err = decoder.Token(); err != nil {
			break
		}
		switch key {
		case "watcher":
			err = decoder.Decode(&p.Watcher)
		case "machine":
			err = decoder.Decode(&p.Machine)
		case "folder":
			err = decoder.Decode(&p.Folder)
		default:
			return p, nil
		}
	}
	return p, err
}

// isDisplaced is that error where another watcher has begun to write to out. Both would make everything, and write over what the other remembers.
// Where the memory is gone, so is the share or the disk that out is on: what is written there now would be seen by nobody.
func (w *watcher) isDisplaced() error {
	p, err := w.writer()
	if errors.Is(err, fs.ErrNotExist) && w.task.sign != "" {
		return fmt.Errorf("the folder of results is away, or was emptied, after which the watcher is to be started anew: %w", err)
	}
	if err == nil && p.Watcher != "" && p.Watcher != w.id {
		return fmt.Errorf("%w: %s, of %s on %s", errDisplaced, w.task.Out, p.Folder, p.Machine)
	}
	return nil
}

// keep writes down what was done, unless another watcher does so by now. It adds that to memory, which of a hundred thousand files takes long to
// be written anew, until it has grown by as much again.
func (w *watcher) keep() error {
	if err := w.isDisplaced(); err != nil {
		return err
	}
	if w.torn || w.added+len(w.fresh) > 2*len(w.did) {
		return w.write()
	}
	if len(w.fresh) == 0 {
		return nil
	}
	m := more{make(map[string]did, len(w.fresh))}
	for file := range w.fresh {
		m.Done[escaped(file)] = w.did[file]
	}
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(w.task.Out, memory), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = file.Write(append(data, '\n'))
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		w.torn = true
		return err
	}
	w.added += len(w.fresh)
	clear(w.fresh)
	return nil
}

// write makes memory this watcher's. The file is whole at every moment, a power cut included.
func (w *watcher) write() error {
	p := past{w.id, machine(), text(resolved(w.dir)), make(map[string]did, len(w.did))}
	for file, d := range w.did {
		p.Done[escaped(file)] = d
	}
	data, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		return err
	}
	data = append(data, '\n')
	name := filepath.Join(w.task.Out, memory)
	part, err := os.OpenFile(name+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return err
	}
	_, err = part.Write(data)
	if err = errors.Join(err, part.Sync(), part.Close()); err != nil {
		return err
	}
	if err := os.Rename(part.Name(), name); err != nil {
		return err
	}
	if err := syncFolder(w.task.Out); err != nil {
		return err
	}
	w.task.sign, w.torn, w.added = name, false, 0
	clear(w.fresh)
	return nil
}
