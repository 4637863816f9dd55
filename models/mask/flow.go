package mask

import "slices"

// How a flow is followed. The numbers are those of models/training/follow.py, and all is whole numbers, so that both make
// the same objects of the same outputs.
const (
	flowNone  = 128 // the sample that leads nowhere
	flowOne   = 1 << 16
	flowScale = 361 // 0.7 pixel, of which flowOne is one, by the 127 units of a flow of full length
	flowSteps = 3   // that are followed from a pixel
	// The way from a pixel is doubled so often: 2^6 hops of 2.1 pixels lead to the middle of any object.
	flowDoublings = 6
)

// follow gives the bodies of r, which touch at edges or corners, values of their own: a pixel is of the body at whose middle it ends
// when it follows the flow, and the middles are where ends lie beside each other (C. Stringer et al., Cellpose: a generalist
// algorithm for cellular segmentation, Nature Methods 18, 2021). It follows each pixel for a few steps only, to another
// one; doubling that way a few times finds every end.
func (r *runs) follow(flow []uint8) runs {
	f := follower{width: r.width, height: r.height, flow: flow, middle: make([]int32, r.width*r.height)}
	var component []line
	for y := range r.height {
		for _, run := range r.list[r.row[y]:r.row[y+1]] {
			if run.value != background {
				component = append(component, line{y: y, x0: int(run.x0), x1: int(run.x1)})
			}
		}
	}
	f.part(component)
	return r.valued(func(pixel int) int32 { return f.middle[pixel] })
}

// interleaved are the two values of each pixel beside each other, as follow takes them.
func interleaved(down, right []uint8) []uint8 {
	flow := make([]uint8, 2*len(down))
	for i := range down {
		flow[2*i], flow[2*i+1] = down[i], right[i]
	}
	return flow
}

// line is a run of a body and the row that it is in.
type line struct{ y, x0, x1 int }

// follower parts a component.
type follower struct {
	width, height int
	flow          []uint8
	middle        []int32 // of each pixel of the component, from 1
	middles       int32   // how many there are

	// Of the box around the component in hand and one pixel more on every side.
	left, top, stride int
	hop, further      []int32 // where each pixel leads to; outside where it is none of the component's
	mark              []int32 // the middle that a pixel is part of; undone where it will be of one, 0 where not
	near              []int32 // pixels that are still to be looked at
}

const (
	outside = -1
	undone  = -1
)

// part sets the middle of each pixel of a component.
func (f *follower) part(component []line) {
	f.enter(component)
	for _, l := range component {
		for x := l.x0; x < l.x1; x++ {
			f.hop[f.at(l.y, x)] = int32(f.lead(l.y, x))
		}
	}
	for range flowDoublings {
		if !f.double(component) {
			break
		}
	}
	f.gather(component)
	for _, l := range component {
		begin, to := f.at(l.y, l.x0), f.middle[l.y*f.width+l.x0:l.y*f.width+l.x1]
		for i := range to {
			to[i] = f.mark[f.hop[begin+i]]
		}
	}
}

// enter makes the box of a component, in which each of its pixels leads to itself.
func (f *follower) enter(component []line) {
	right := 0
	f.left, f.top = component[0].x0, component[0].y
	for _, l := range component {
		f.left, right = min(f.left, l.x0), max(right, l.x1)
	}
	f.stride = right - f.left + 2
	size := f.stride * (component[len(component)-1].y - f.top + 3)
	f.hop = slices.Grow(f.hop[:0], size)[:size]
	f.further = slices.Grow(f.further[:0], size)[:size]
	f.mark = slices.Grow(f.mark[:0], size)[:size]
	clear(f.mark)
	for i := range f.hop {
		f.hop[i] = outside
	}
	for _, l := range component {
		begin, end := f.at(l.y, l.x0), f.at(l.y, l.x1)
		for i := begin; i < end; i++ {
			f.hop[i] = int32(i)
		}
	}
	copy(f.further, f.hop)
}

// at is the place of a pixel in the box.
func (f *follower) at(y, x int) int { return (y-f.top+1)*f.stride + x - f.left + 1 }

// lead returns the place that a pixel reaches in a few steps. A step that would leave the component ends the way: it is never
// longer than to a pixel beside.
func (f *follower) lead(startY, startX int) int {
	place := f.at(startY, startX)
	y, x := startY*flowOne, startX*flowOne
	for range flowSteps {
		down, right := f.between(y, x)
		y = min(max(y+(down*flowScale)>>16, 0), (f.height-1)*flowOne)
		x = min(max(x+(right*flowScale)>>16, 0), (f.width-1)*flowOne)
		next := f.at((y+flowOne/2)>>16, (x+flowOne/2)>>16)
		if f.further[next] == outside {
			break
		}
		place = next
	}
	return place
}

// between is the flow at a place between pixels, bilinear with weights of a 256th, in flowOne of a unit.
func (f *follower) between(y, x int) (down, right int) {
	i := 2 * ((y>>16)*f.width + x>>16)
	low, far := y>>8&255, x>>8&255
	if low == 0 && far == 0 {
		return (int(f.flow[i]) - flowNone) * flowOne, (int(f.flow[i+1]) - flowNone) * flowOne
	}
	below, beside := 2*f.width, 2
	if y>>16 == f.height-1 {
		below = 0
	}
	if x>>16 == f.width-1 {
		beside = 0
	}
	// Both values at once, one in each half: no sum of them reaches 32 bits.
	sum := uint64((256-low)*(256-far))*f.both(i) + uint64((256-low)*far)*f.both(i+beside) +
		uint64(low*(256-far))*f.both(i+below) + uint64(low*far)*f.both(i+below+beside)
	return int(uint32(sum)) - flowNone*flowOne, int(sum>>32) - flowNone*flowOne
}

// both are a sample of the flow down and, in the upper half, the one after it.
func (f *follower) both(i int) uint64 { return uint64(f.flow[i]) | uint64(f.flow[i+1])<<32 }

// double makes each way twice as long, and reports whether any changed.
func (f *follower) double(component []line) bool {
	changed := false
	for _, l := range component {
		begin, end := f.at(l.y, l.x0), f.at(l.y, l.x1)
		for i := begin; i < end; i++ {
			next := f.hop[f.hop[i]]
			f.further[i] = next
			changed = changed || next != f.hop[i]
		}
	}
	f.hop, f.further = f.further, f.hop
	return changed
}

// gather numbers the middles of a component: ends and the pixels beside them that touch at edges or corners are one.
func (f *follower) gather(component []line) {
	neighbours := [...]int{-f.stride - 1, -f.stride, -f.stride + 1, -1, 1, f.stride - 1, f.stride, f.stride + 1}
	f.near = f.near[:0]
	for _, l := range component {
		for _, end := range f.hop[f.at(l.y, l.x0):f.at(l.y, l.x1)] {
			if f.mark[end] == 0 {
				f.mark[end] = undone
				f.near = append(f.near, end)
			}
		}
	}
	for _, end := range f.near {
		for _, step := range neighbours {
			if beside := int(end) + step; f.hop[beside] != outside {
				f.mark[beside] = undone
			}
		}
	}
	ends := len(f.near)
	for k := range ends {
		if f.mark[f.near[k]] != undone {
			continue
		}
		f.middles++
		f.mark[f.near[k]] = f.middles
		f.near = append(f.near[:ends], f.near[k])
		for len(f.near) > ends {
			last := int(f.near[len(f.near)-1])
			f.near = f.near[:len(f.near)-1]
			for _, step := range neighbours {
				if beside := last + step; f.mark[beside] == undone {
					f.mark[beside] = f.middles
					f.near = append(f.near, int32(beside))
				}
			}
		}
	}
}
