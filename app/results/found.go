package results

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"seghub/models/mask"
	"seghub/sessions"
)

// objects are those of a state that have ids, ascending; the edited ones are at hand, the others are looked up in the base's file.
func (k *Keeper) objects(ctx context.Context, session string, job sessions.Job, s *state, ids []int32) ([]mask.Object, error) {
	var all []mask.Object
	var stored []int32
	for _, id := range ids {
		if i, edited := s.since.object(int(id)); edited {
			all = append(all, s.since.Objects[i])
		} else {
			stored = append(stored, id)
		}
	}
	if len(stored) == 0 {
		return all, nil
	}
	blob, err := k.Blobs.Open(ctx, resultKey(session, job.ID, s.content.base))
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	f := finder{file: blob, size: blob.Size()}
	if err := f.find(0, f.size, stored); err != nil {
		return nil, fmt.Errorf("the result of job %s: %w", job.ID, err)
	}
	if len(f.found) != len(stored) {
		return nil, fmt.Errorf("the result of job %s has %d of the objects %v", job.ID, len(f.found), stored)
	}
	all = append(all, f.found...)
	slices.SortFunc(all, func(a, b mask.Object) int { return a.ID - b.ID })
	return all, nil
}

// finder looks objects up in a stored result, which has them by id, without reading all of it.
type finder struct {
	file  io.ReaderAt
	size  int64
	found []mask.Object // by id
}

const (
	readThrough = 64 << 10 // bytes in which objects are not searched for, but read
	lookAhead   = 4 << 10  // bytes in which most objects begin
)

// begin is how an object begins, and nothing else of a result does: quotes within its texts are escaped.
var begin = regexp.MustCompile(`\{"id":([0-9]+),`)

// find looks for ids, ascending, among the objects that begin in the bytes from one up to another.
func (f *finder) find(from, to int64, ids []int32) error {
	if len(ids) == 0 {
		return nil
	}
	if to-from <= readThrough {
		return f.read(from, to, ids)
	}
	middle := (from + to) / 2
	at, id, err := f.next(middle, to)
	if err != nil {
		return err
	}
	if at == to { // one object reaches from before the middle to the end
		return f.find(from, middle, ids)
	}
	before, _ := slices.BinarySearch(ids, id)
	if err := f.find(from, at, ids[:before]); err != nil {
		return err
	}
	return f.find(at, to, ids[before:])
}

// next is where the first object begins, and its id; to where none does.
func (f *finder) next(from, to int64) (at int64, id int32, err error) {
	for length := int64(lookAhead); ; length *= 2 {
		piece := make([]byte, min(length, f.size-from))
		if _, err := f.file.ReadAt(piece, from); err != nil && !errors.Is(err, io.EOF) {
			return 0, 0, err
		}
		if place := begin.FindSubmatchIndex(piece); place != nil && from+int64(place[0]) < to {
			n, err := strconv.ParseInt(string(piece[place[2]:place[3]]), 10, 32)
			return from + int64(place[0]), int32(n), err
		} else if place != nil || from+length >= f.size {
			return to, math.MaxInt32, nil
		}
	}
}

// read reads objects one after the other.
func (f *finder) read(from, to int64, ids []int32) error {
	at, _, err := f.next(from, to)
	if err != nil || at == to {
		return err
	}
	const opened = "["
	rest := io.NewSectionReader(f.file, at, f.size-at)
	in := json.NewDecoder(io.MultiReader(strings.NewReader(opened), bufio.NewReaderSize(rest, readThrough)))
	if _, err := in.Token(); err != nil {
		return err
	}
	for last := ids[len(ids)-1]; in.More() && at+in.InputOffset()-int64(len(opened)) < to; {
		var o mask.Object
		if err := in.Decode(&o); err != nil {
			return err
		}
		if _, wanted := slices.BinarySearch(ids, int32(o.ID)); wanted {
			f.found = append(f.found, o)
		}
		if o.ID >= int(last) {
			break
		}
	}
	return nil
}
