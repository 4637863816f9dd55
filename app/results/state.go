package results

import (
	"context"
	"encoding/json"
	"fmt"
	"image"
	"io"
	"maps"
	"slices"

	"seghub/models/mask"
	"seghub/models/mask/result"
	"seghub/sessions"
	"seghub/storage"
)

// state is a result at one revision, read as far as it is asked for. It is the correct.Map of that. One goroutine at a time.
type state struct {
	content content
	labels  *mask.LabelReader // of the base
	blob    *storage.Blob     // that labels reads
	since   change            // what all changes since the base have made of it
	boxes   map[int32]image.Rectangle
	gone    map[int32]bool // objects of the base that are removed or others now
}

// open opens a revision; the caller closes it.
func (k *Keeper) open(ctx context.Context, session string, job sessions.Job, text string) (*state, error) {
	c, err := parseContent(text)
	if err != nil {
		return nil, err
	}
	s := &state{content: c, gone: map[int32]bool{}}
	for _, l := range c.changes {
		one, err := k.readChange(ctx, session, job.ID, l)
		if err != nil {
			return nil, err
		}
		s.since = s.since.then(one)
	}
	spans := make([]mask.Span, len(s.since.Spans))
	for i, one := range s.since.Spans {
		spans[i] = one.span()
	}
	s.boxes = mask.Boxes(spans)
	for id := range s.boxes {
		s.gone[id] = true
	}
	for _, id := range s.since.Removed {
		s.gone[id] = true
	}
	if s.blob, err = k.Blobs.Open(ctx, labelsKey(session, job.ID, c.base)); err != nil {
		return nil, err
	}
	if s.labels, err = mask.ReadLabels(s.blob, k.Pixels); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (k *Keeper) readChange(ctx context.Context, session, job string, l link) (c change, err error) {
	data, err := k.Blobs.Read(ctx, storage.RevisionKey(session, job, l.id+".change"))
	if err == nil {
		err = unpack(data, &c)
	}
	if err != nil {
		return c, fmt.Errorf("a change of job %s: %w", job, err)
	}
	return c, nil
}

func (s *state) close() { _ = s.blob.Close() } // it was only read

// Size implements correct.Map.
func (s *state) Size() image.Point { return image.Pt(s.labels.Width, s.labels.Height) }

// Box implements correct.Map.
func (s *state) Box(id int32) (image.Rectangle, bool) {
	if box, is := s.boxes[id]; is {
		return box, true
	}
	box, is := s.labels.Boxes[id]
	return box, is && !s.gone[id]
}

// Next implements correct.Map.
func (s *state) Next() int32 {
	next := max(1, s.since.Next)
	for id := range s.labels.Boxes {
		next = max(next, id+1)
	}
	return next
}

// Spans implements correct.Map.
func (s *state) Spans(box image.Rectangle) ([]mask.Span, error) {
	var spans []mask.Span
	for band := range s.labels.Bands {
		begin, end := s.labels.Rows(band)
		if end <= box.Min.Y || begin >= box.Max.Y {
			continue
		}
		of, err := s.labels.Band(band)
		if err != nil {
			return nil, err
		}
		spans = append(spans, slices.DeleteFunc(of, func(one mask.Span) bool { return s.gone[one.ID] })...)
	}
	for _, one := range s.since.Spans {
		if int(one[0]) >= box.Min.Y && int(one[0]) < box.Max.Y {
			spans = append(spans, one.span())
		}
	}
	slices.SortFunc(spans, mask.ReadingOrder)
	return spans, nil
}

// ids are those of all objects, ascending.
func (s *state) ids() []int32 {
	all := maps.Clone(s.boxes)
	for id, box := range s.labels.Boxes {
		if !s.gone[id] {
			all[id] = box
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// head is a stored result without its objects, which come last in its file.
func (k *Keeper) head(ctx context.Context, session, job, base string) (r result.Result, err error) {
	blob, err := k.Blobs.Open(ctx, resultKey(session, job, base))
	if err != nil {
		return r, err
	}
	defer blob.Close()
	members, err := before(blob, "objects")
	if err != nil {
		return r, fmt.Errorf("the result of job %s: %w", job, err)
	}
	return r, json.Unmarshal(members, &r)
}

// before is the JSON object of r with the members that come before one.
func before(r io.Reader, last string) ([]byte, error) {
	in := json.NewDecoder(r)
	members := map[string]json.RawMessage{}
	for begun := false; ; begun = true {
		token, err := in.Token()
		if err != nil {
			return nil, err
		}
		if !begun {
			continue // the opening brace
		}
		name, is := token.(string)
		if !is || name == last {
			return json.Marshal(members)
		}
		var value json.RawMessage
		if err := in.Decode(&value); err != nil {
			return nil, err
		}
		members[name] = value
	}
}

// summary is the account of the picture.
func (k *Keeper) summary(ctx context.Context, session, job string, s *state) (mask.Summary, error) {
	if len(s.content.changes) > 0 {
		return s.since.Summary, nil
	}
	r, err := k.head(ctx, session, job, s.content.base)
	return r.Summary, err
}

func resultKey(session, job, base string) string {
	if base == first {
		return storage.ResultKey(session, job)
	}
	return storage.RevisionKey(session, job, base+".result")
}

func labelsKey(session, job, base string) string {
	if base == first {
		return storage.LabelsKey(session, job)
	}
	return storage.RevisionKey(session, job, base+".labels")
}
