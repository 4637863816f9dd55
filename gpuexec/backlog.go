package gpuexec

import (
	"slices"

	"seghub/models"
)

// backlog is the bands whose tiles wait to be run, first come first served: those of one batch and, behind what is left of it, of the next,
// while they are of the same model. It belongs to the inference.
type backlog struct {
	bands []*band
	batch *batch // whose bands come next
	wants func(*task) bool
}

// part is some tiles of a band.
type part struct {
	band        *band
	from, tiles int
}

// fill takes bands until their tiles fill a run of so many rows, those of the batch that following gives when its own has no more. It waits
// only for what is sure to come and keeps nobody: not for another batch, and not for more of this one while others wait for what is there. It
// is false when there is no more to take.
func (l *backlog) fill(rows int, following func() *batch) (more bool) {
	for l.tiles() < rows {
		take := l.batch.decoding.take
		if l.awaited() {
			take = l.batch.decoding.takeThere
		}
		next, more := take()
		switch {
		case next != nil:
			l.bands = append(l.bands, next)
		case more:
			return true
		case len(l.bands) == 0:
			return false
		default:
			b := following()
			if b == nil {
				return false
			}
			l.batch = b
		}
	}
	return true
}

// tiles lets go of what nobody wants any more, and says how many tiles wait.
func (l *backlog) tiles() int {
	n, kept := 0, make([]*band, 0, len(l.bands))
	for _, b := range l.bands {
		if l.wants(b.task) {
			kept = append(kept, b)
			n += b.strip.Tiles.N - b.ran
		}
	}
	l.bands = kept
	return n
}

// takeThere takes what is there already of its batch, until that is so many tiles.
func (l *backlog) takeThere(most int) {
	for l.tiles() < most {
		next, _ := l.batch.decoding.takeThere()
		if next == nil {
			return
		}
		l.bands = append(l.bands, next)
	}
}

// run is n of the tiles that wait, or as many as there are, after the first skip.
func (l *backlog) run(skip, n int) []part {
	var parts []part
	for _, b := range l.bands {
		waiting := b.strip.Tiles.N - b.ran
		from := min(skip, waiting)
		skip -= from
		if tiles := min(n, waiting-from); tiles > 0 {
			parts = append(parts, part{b, b.ran + from, tiles})
			n -= tiles
		}
	}
	return parts
}

// awaited tells whether somebody waits for what is there: decoding for any of the outputs or for the memory of what they are of, so that
// nothing more may come before they are there, or a batch for its last run.
func (l *backlog) awaited() bool {
	if len(l.bands) > 0 && l.batch.decoding.starving.Load() > 0 {
		return true
	}
	return slices.ContainsFunc(l.bands, func(b *band) bool { return b.looked != nil || b.task.batch != l.batch })
}

// through takes the bands off whose tiles have all run, and gives decoding what it waits for. What nobody wants any more is in nobody's
// way.
func (l *backlog) through() (through []*band) {
	l.tiles()
	for len(l.bands) > 0 && l.bands[0].ran == l.bands[0].strip.Tiles.N {
		b := l.bands[0]
		l.bands = l.bands[1:]
		b.strip.Tiles = models.Tensor{}
		if b.looked != nil {
			b.looked <- b.outputs
		} else {
			through = append(through, b)
		}
	}
	return through
}

// input is the tiles of the parts: where they lie when they are of one band.
func input(parts []part) (models.Tensor, error) {
	inputs := make([]models.Tensor, len(parts))
	for i, p := range parts {
		inputs[i] = p.band.strip.Tiles.Rows(p.from, p.from+p.tiles)
	}
	return models.Concat(inputs)
}

// tasksOf are the tasks that a run is for, in order.
func tasksOf(run []part) []*task {
	var tasks []*task
	for _, p := range run {
		if !slices.Contains(tasks, p.band.task) {
			tasks = append(tasks, p.band.task)
		}
	}
	return tasks
}

// tilesOf is how many of a task's own tiles are in a run; those that are only looked at are none.
func tilesOf(t *task, run []part) (tiles int) {
	for _, p := range run {
		if p.band.task == t && p.band.looked == nil {
			tiles += p.tiles
		}
	}
	return tiles
}
