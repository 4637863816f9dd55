package httpapi

import (
	"bytes"
	"context"
	"io"
	"os"

	"seghub/sessions"
)

// exportTurns are those of pictures that are being exported: each is a core's work for seconds where it has thousands of objects. An export takes
// a turn for each of its pictures, first come, first served, and what is little has turns of its own: a few images of somebody else are not held
// up by each large one.
type exportTurns struct{ little, much chan struct{} }

// exportsAtOnce is how many pictures of either kind are exported at a time.
const exportsAtOnce = 2

func newExportTurns() exportTurns {
	return exportTurns{little: make(chan struct{}, exportsAtOnce), much: make(chan struct{}, exportsAtOnce)}
}

// turn waits for one; the caller calls over when it is.
func (t exportTurns) turn(ctx context.Context, much bool) (over func(), err error) {
	turns := t.little
	if much {
		turns = t.much
	}
	return turnOf(ctx, turns)
}

// resultMemory is what a result takes to be read and exported, by how large it is on the disk: its text, the objects, and what those grew out of.
const resultMemory = 4

// turnToExport waits until what was made of a job may be held in memory and exported, and tells how much that is; the caller calls over after it.
func (a *api) turnToExport(ctx context.Context, session string, job sessions.Job) (memory int64, over func(), err error) {
	size, err := a.Pictures.Size(ctx, session, job)
	if err != nil {
		return 0, nil, err
	}
	memory = resultMemory * size
	end, err := a.exports.turn(ctx, memory > littleMemory)
	if err != nil || memory <= littleMemory {
		return memory, end, err
	}
	giveBack, err := a.takeMemory(ctx, 0, memory) // after the turn: who waits for that keeps no memory from the workers
	if err != nil {
		end()
		return 0, nil, err
	}
	return memory, func() { giveBack(); end() }, nil
}

// made is what was written of an answer and not sent yet: in memory, and from spoolFrom bytes on in a file without a name, while the disk takes
// it. So a client that is slow keeps nobody from their turn, nor in memory what was exported.
type made struct {
	folder string
	over   func() error // why nobody waits for it any more; nil while somebody does

	file *os.File // nil until it is needed
	full bool     // the disk took no more
	rest bytes.Buffer
}

func (m *made) Write(p []byte) (int, error) {
	if err := m.over(); err != nil {
		return 0, err
	}
	if m.rest.Len()+len(p) > spoolFrom && m.spill() {
		n, err := m.file.Write(p)
		m.full = err != nil
		m.rest.Write(p[n:])
	} else {
		m.rest.Write(p)
	}
	return len(p), nil
}

// spill moves what is in memory to the disk, and tells whether that took it.
func (m *made) spill() bool {
	if m.full {
		return false
	}
	var err error
	if m.file == nil {
		m.file, err = unnamedFile(m.folder, nil)
	}
	if err == nil {
		_, err = m.rest.WriteTo(m.file)
	}
	m.full = err != nil
	return !m.full
}

// send writes all of it to w, and begins anew.
func (m *made) send(w io.Writer) error {
	if m.file != nil {
		if _, err := m.file.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if _, err := io.Copy(w, m.file); err != nil {
			return err
		}
		m.drop()
	}
	m.full = false
	_, err := m.rest.WriteTo(w)
	return err
}

// drop frees the room on the disk.
func (m *made) drop() {
	if m.file != nil {
		_ = m.file.Close() // it is gone: how its closing went changes nothing
		m.file = nil
	}
}
