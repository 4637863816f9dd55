package results

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"maps"
	"reflect"
	"slices"

	"seghub/models/mask"
	"seghub/models/mask/correct"
	"seghub/sessions"
	"seghub/storage"
)

// Edited is what came of an edit.
type Edited struct {
	Revision int           `json:"revision"`
	Changed  []mask.Object `json:"changed"` // new or other than before, by id; never null
	Removed  []int32       `json:"removed"` // ascending; never null
}

// asked is what a revision was made by.
type asked struct {
	Operations []correct.Operation `json:"operations,omitempty"`
	Options    *mask.Options       `json:"options,omitempty"`
}

// Edit corrects a job's label map, of which revision must be the newest: else it fails with sessions.ErrConflict, and nothing changes.
// An edit that cannot be done fails with correct.ErrInvalid.
func (k *Keeper) Edit(ctx context.Context, session, job string, revision int, operations []correct.Operation) (Edited, error) {
	j, err := k.done(ctx, session, job)
	if err != nil {
		return Edited{}, err
	}
	if revision != j.Revision {
		return Edited{}, sessions.ErrConflict
	}
	s, err := k.open(ctx, session, j, j.Content)
	if err != nil {
		return Edited{}, err
	}
	defer s.close()
	if slices.ContainsFunc(operations, func(o correct.Operation) bool { return o.Kind == correct.Revert }) {
		if len(operations) > 1 {
			return Edited{}, fmt.Errorf("%w: revert is an edit of its own", correct.ErrInvalid)
		}
		return k.revert(ctx, session, j, s, operations[0])
	}
	return k.correct(ctx, session, j, s, operations)
}

func (k *Keeper) correct(ctx context.Context, session string, job sessions.Job, s *state, operations []correct.Operation) (Edited, error) {
	before, err := k.summary(ctx, session, job.ID, s)
	if err != nil {
		return Edited{}, err
	}
	made, err := correct.Apply(s, operations, job.Options.MinArea)
	if err != nil {
		return Edited{}, err
	}
	objects, err := k.corrected(ctx, session, job, s, made)
	if err != nil {
		return Edited{}, err
	}
	after := summaryAfter(before, s, made, objects)
	one := change{Objects: objects, Spans: spansOf(made.Spans), Removed: made.Removed, Next: made.Next, Summary: after}

	id := newID()
	next, folded := s.content.followed(id)
	whole := one
	for _, l := range slices.Backward(folded) {
		earlier, err := k.readChange(ctx, session, job.ID, l)
		if err != nil {
			return Edited{}, err
		}
		whole = earlier.then(whole)
	}
	packed, err := pack(whole)
	if err != nil {
		return Edited{}, err
	}
	wanted, err := pack(asked{Operations: operations})
	if err != nil {
		return Edited{}, err
	}
	e := Edited{Changed: objects, Removed: append([]int32{}, made.Removed...)}
	told, err := e.told(made.Box)
	if err != nil {
		return Edited{}, err
	}
	told.Content, told.Edit, told.Options, told.Count = next.String(), id, job.Options, after.Count
	e.Revision, err = k.revise(ctx, session, job, written{
		storage.RevisionKey(session, job.ID, id+".change"): bytesOf(packed),
		storage.RevisionKey(session, job.ID, id+".edit"):   bytesOf(wanted),
	}, told)
	return e, err
}

// summaryAfter is the account of the picture after a change.
func summaryAfter(before mask.Summary, s *state, made correct.Change, objects []mask.Object) mask.Summary {
	after := before
	after.Count -= len(made.Removed)
	after.TotalArea -= made.Before
	for _, o := range objects {
		after.TotalArea += o.Area
		if _, was := s.Box(int32(o.ID)); !was {
			after.Count++
		}
	}
	after.Coverage = float64(after.TotalArea) / float64(s.labels.Width*s.labels.Height)
	return after
}

// corrected measures the objects that an edit has changed. The picture is read only where one is not made of whole others.
func (k *Keeper) corrected(ctx context.Context, session string, job sessions.Job, s *state, made correct.Change) ([]mask.Object, error) {
	objects, err := k.shapes(ctx, session, job, s, made.Spans)
	if err != nil {
		return nil, err
	}
	parts := slices.Concat(slices.Collect(maps.Values(made.Of))...)
	slices.Sort(parts)
	before, err := k.objects(ctx, session, job, s, parts)
	if err != nil {
		return nil, err
	}
	var drawn []mask.Object
	joined := make(map[int32]bool)
	for i := range objects {
		o := &objects[i]
		o.Edited = true
		var parts []mask.Object // of a merger
		if of := made.Of[int32(o.ID)]; of != nil {
			parts = slices.DeleteFunc(slices.Clone(before), func(p mask.Object) bool { return !slices.Contains(of, int32(p.ID)) })
		}
		if len(parts) == 0 || slices.ContainsFunc(parts, func(p mask.Object) bool { return !p.Lit() }) {
			drawn = append(drawn, *o)
			continue
		}
		joined[int32(o.ID)] = true
		o.JoinIntensities(parts)
	}
	spans := slices.DeleteFunc(slices.Clone(made.Spans), func(one mask.Span) bool { return joined[one.ID] })
	if err := k.light(ctx, session, job, drawn, spans); err != nil {
		return nil, err
	}
	for _, o := range drawn {
		objects[slices.IndexFunc(objects, func(a mask.Object) bool { return a.ID == o.ID })] = o
	}
	calibrate(objects, job)
	return objects, nil
}

// shapes measures objects whose spans are in reading order, all but their intensities.
func (k *Keeper) shapes(ctx context.Context, session string, job sessions.Job, s *state, spans []mask.Span) ([]mask.Object, error) {
	if len(spans) == 0 {
		return []mask.Object{}, nil
	}
	blob, err := k.Blobs.Open(ctx, storage.ProbabilityKey(session, job.ID))
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	bands, err := mask.ReadBands(blob, k.Pixels)
	if err != nil {
		return nil, err
	}
	rows := bandRows{bands: bands, band: -1}
	objects := mask.Measure(s.labels.Width, s.labels.Height, spans, rows.row)
	return objects, rows.err
}

// bandRows are the probabilities of rows, read band by band.
type bandRows struct {
	bands *mask.BandReader
	band  int // that is read; -1 for none
	top   int
	pix   []uint8
	err   error
}

func (r *bandRows) row(y int32) []uint8 {
	if _, end := r.bands.Rows(max(0, r.band)); r.err == nil && (r.band < 0 || int(y) >= end) {
		for band := range r.bands.Bands {
			if begin, end := r.bands.Rows(band); int(y) >= begin && int(y) < end {
				r.band, r.top = band, begin
				r.pix, r.err = r.bands.Read(band, 0, r.pix)
			}
		}
	}
	if r.err != nil {
		return make([]uint8, r.bands.Width)
	}
	return r.pix[(int(y)-r.top)*r.bands.Width:][:r.bands.Width]
}

// revert makes an earlier revision the next one.
func (k *Keeper) revert(ctx context.Context, session string, job sessions.Job, now *state, o correct.Operation) (Edited, error) {
	if o.Revision < 1 || o.Revision >= job.Revision {
		return Edited{}, fmt.Errorf("%w: there is no revision %d before %d", correct.ErrInvalid, o.Revision, job.Revision)
	}
	_, to, err := k.at(ctx, session, job.ID, o.Revision)
	if err != nil {
		return Edited{}, err
	}
	then, err := k.open(ctx, session, job, to.Content)
	if err != nil {
		return Edited{}, err
	}
	defer then.close()
	e, box, err := k.difference(ctx, session, job, now, then, to)
	if err != nil {
		return Edited{}, err
	}
	calibrate(e.Changed, job)
	account, err := k.summary(ctx, session, job.ID, then)
	if err != nil {
		return Edited{}, err
	}
	wanted, err := pack(asked{Operations: []correct.Operation{o}})
	if err != nil {
		return Edited{}, err
	}
	told, err := e.told(box)
	if err != nil {
		return Edited{}, err
	}
	id := newID()
	told.Content, told.Edit, told.Options, told.Count = then.content.String(), id, to.Options, account.Count
	e.Revision, err = k.revise(ctx, session, job, written{storage.RevisionKey(session, job.ID, id+".edit"): bytesOf(wanted)}, told)
	return e, err
}

// difference is what changes when now becomes then.
func (k *Keeper) difference(ctx context.Context, session string, job sessions.Job, now, then *state, to sessions.Revision) (e Edited, box image.Rectangle, err error) {
	e.Changed, e.Removed = []mask.Object{}, []int32{}
	if now.content.base != then.content.base {
		over, err := k.turn(ctx) // all of a result is read; what goes back in corrections alone reads what they changed
		if err != nil {
			return e, box, err
		}
		defer over()
		r, err := k.result(ctx, session, job, to)
		if err != nil {
			return e, box, err
		}
		e.Changed = r.Objects
		for _, id := range now.ids() {
			if _, is := then.Box(id); !is {
				e.Removed = append(e.Removed, id)
			}
		}
		return e, imageRect(then), nil
	}
	suspects := maps.Clone(now.gone)
	maps.Copy(suspects, then.gone)
	var asBase []int32
	for _, id := range slices.Sorted(maps.Keys(suspects)) {
		was, before := now.Box(id)
		is, after := then.Box(id)
		switch {
		case !after && before:
			e.Removed = append(e.Removed, id)
			box = box.Union(was)
		case after && !then.gone[id]:
			asBase = append(asBase, id)
			box = box.Union(was).Union(is)
		}
	}
	for _, o := range then.since.Objects {
		i, known := now.since.object(o.ID)
		if !known || !reflect.DeepEqual(o, now.since.Objects[i]) {
			e.Changed = append(e.Changed, o)
			was, _ := now.Box(int32(o.ID))
			is, _ := then.Box(int32(o.ID))
			box = box.Union(was).Union(is)
		}
	}
	if len(asBase) > 0 {
		objects, err := k.objects(ctx, session, job, then, asBase)
		if err != nil {
			return e, box, err
		}
		e.Changed = append(e.Changed, objects...)
		slices.SortFunc(e.Changed, func(a, b mask.Object) int { return a.ID - b.ID })
	}
	return e, box, nil
}

// tellAtMost is how much of a change the session's sockets are told, in bytes; of more they hear that there was one.
const tellAtMost = 256 << 10

var untold = json.RawMessage("null")

// told is the event of an edit.
func (e Edited) told(box image.Rectangle) (sessions.NewRevision, error) {
	changed, err := json.Marshal(e.Changed)
	if err != nil {
		return sessions.NewRevision{}, err
	}
	removed, err := json.Marshal(e.Removed)
	if err != nil {
		return sessions.NewRevision{}, err
	}
	if len(changed)+len(removed) > tellAtMost {
		changed, removed = untold, json.RawMessage("[]")
	}
	return sessions.NewRevision{Changed: changed, Removed: removed, Box: boxJSON(box)}, nil
}

func boxJSON(box image.Rectangle) json.RawMessage {
	return fmt.Appendf(nil, "[%d,%d,%d,%d]", box.Min.X, box.Min.Y, box.Dx(), box.Dy())
}

func imageRect(s *state) image.Rectangle { return image.Rectangle{Max: s.Size()} }

// known tells whether an error means that a revision was not made, and will not be.
func known(err error) bool {
	return errors.Is(err, sessions.ErrConflict) || errors.Is(err, sessions.ErrNotFound) || errors.Is(err, sessions.ErrClosed)
}
