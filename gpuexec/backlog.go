package gpuexec

import (
	"slices"

	"seghub/models"
)

// backlog is the bands whose tiles wait to be run, first come first served. It belongs to the inference.
type backlog struct {
	bands []*band
	wants func(*task) bool
}

// part is some tiles of a band, from the first that has not run.
type part struct {
	band  *band
	tiles int
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

// first are the first n tiles, or all.
func (l *backlog) first(n int) []part {
	var parts []part
	for _, b := range l.bands {
		tiles := min(n, b.strip.Tiles.N-b.ran)
		if tiles == 0 {
			break
		}
		parts = append(parts, part{b, tiles})
		n -= tiles
	}
	return parts
}

// through takes the bands off whose tiles have all run. What nobody wants any more is in nobody's way.
func (l *backlog) through() []*band {
	l.tiles()
	n := 0
	for n < len(l.bands) && l.bands[n].ran == l.bands[n].strip.Tiles.N {
		l.bands[n].strip.Tiles = models.Tensor{}
		n++
	}
	through := l.bands[:n:n]
	l.bands = l.bands[n:]
	return through
}

// input is the tiles of the parts: where they lie when they are of one band.
func input(parts []part) (models.Tensor, error) {
	inputs := make([]models.Tensor, len(parts))
	for i, p := range parts {
		inputs[i] = p.band.strip.Tiles.Rows(p.band.ran, p.band.ran+p.tiles)
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
