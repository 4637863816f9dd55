package mask

// crumbShare is how many times as large as a crumb the part is, at least, that it belongs to. It is that of models/training/follow.py.
const crumbShare = 5

// withoutCrumbs gives each part of r, which is connected, that touches some that are so much larger to the one of them with which it shares
// the most edges of pixels; of two with as many, to the first. Where a network's flow is unsure, some pixels end beside the middle that the
// others around them reach. What comes out is still to be connected.
func (r *runs) withoutCrumbs() runs {
	areas := r.areas()
	shared := map[[2]int32]int32{} // edges, by the roots of a crumb and of what it touches
	r.eachContact(func(a, b, edges int32) {
		if areas[a] > areas[b] {
			a, b = b, a
		}
		if areas[a]*crumbShare <= areas[b] {
			shared[[2]int32{a, b}] += edges
		}
	})
	belongs, most := map[int32]int32{}, map[int32]int32{} // of each crumb: to what, and the edges that they share
	for pair, edges := range shared {
		crumb, other := pair[0], pair[1]
		if edges > most[crumb] || edges == most[crumb] && other < belongs[crumb] {
			belongs[crumb], most[crumb] = other, edges
		}
	}
	return r.regrouped(func(root int32) int32 {
		for {
			other, crumb := belongs[root]
			if !crumb {
				return root
			}
			root = other // may be a crumb of a larger one
		}
	})
}

// areas are the pixels of each part of r, by its root.
func (r *runs) areas() []int32 {
	areas := make([]int32, len(r.list))
	for _, run := range r.list {
		if run.value != background {
			areas[run.parent] += run.x1 - run.x0
		}
	}
	return areas
}

// eachContact calls visit wherever two parts of r touch, with their roots and the edges of pixels that they share there: between two rows,
// or within one.
func (r *runs) eachContact(visit func(a, b, edges int32)) {
	touch := func(a, b run, edges int32) {
		if a.value != background && b.value != background && a.parent != b.parent {
			visit(a.parent, b.parent, edges)
		}
	}
	for y := range r.height {
		row := r.list[r.row[y]:r.row[y+1]]
		for i := 1; i < len(row); i++ {
			touch(row[i-1], row[i], 1)
		}
		if y == 0 {
			continue
		}
		// Both rows are covered from side to side, so that the two runs in hand always overlap.
		for upper := r.list[r.row[y-1]:r.row[y]]; len(upper) > 0 && len(row) > 0; {
			above, below := upper[0], row[0]
			end := min(above.x1, below.x1)
			touch(above, below, end-max(above.x0, below.x0))
			if above.x1 == end {
				upper = upper[1:]
			}
			if below.x1 == end {
				row = row[1:]
			}
		}
	}
}

// regrouped is r with the parts as one whose roots have one group.
func (r *runs) regrouped(group func(root int32) int32) runs {
	v := newRuns(r.width, r.height)
	v.left, v.top = r.left, r.top
	for y := range r.height {
		for _, run := range r.list[r.row[y]:r.row[y+1]] {
			value := int32(background)
			if run.value != background {
				value = group(run.parent) + 1
			}
			if last := len(v.list) - 1; last >= int(v.row[y]) && v.list[last].value == value {
				v.list[last].x1 = run.x1
			} else {
				v.add(int(run.x0), int(run.x1), value)
			}
		}
		v.endRow()
	}
	return v
}
