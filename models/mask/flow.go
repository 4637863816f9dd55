package mask

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
func (r *runs) follow(flow []flowSample) runs {
	f := newFollower(r, flow)
	f.lead()
	for range flowDoublings {
		if !f.double() {
			break
		}
	}
	f.gather()
	return r.valued(func(y, x int) int32 { return f.mark[f.hop[f.at(y, x)]] })
}

// flowSample is the flow of a pixel: down, and right in the upper byte. flowNone in both is none.
type flowSample uint16

// interleaved appends the flow of so many pixels, whose two values come apart.
func interleaved(flow []flowSample, down, right []uint8) []flowSample {
	for i, d := range down {
		flow = append(flow, flowSample(d)|flowSample(right[i])<<8)
	}
	return flow
}

// spread has the two values in a half of a word each, so that sums of both are made at once.
func (s flowSample) spread() uint64 { return uint64(s&255) | uint64(s>>8)<<32 }

// follower parts the bodies of a picture, of whose pixels it has places in rows, with one place more on every side. What lies
// beyond the right end of a row lies before the left end of the next one.
type follower struct {
	of           *runs
	flow         []flowSample
	stride       int     // from a place to that below
	hop, further []int32 // where each pixel leads to, of the bodies' alone
	mark         []int32 // the middle that a pixel is part of, from 1; or one of those below
	near         []int32 // places that are still to be looked at
}

// What follower.mark says of what is of no middle.
const (
	outside = 0 // no body's pixel
	inside  = -1
	undone  = -2 // will be of a middle
)

func newFollower(r *runs, flow []flowSample) *follower {
	f := &follower{of: r, flow: flow, stride: r.width + 1}
	places := f.at(r.height, r.width) + 1
	f.hop, f.further, f.mark = make([]int32, places), make([]int32, places), make([]int32, places)
	f.eachLine(func(y, x0, x1 int) {
		line := f.mark[f.at(y, x0):f.at(y, x1)]
		for i := range line {
			line[i] = inside
		}
	})
	return f
}

// at is the place of a pixel.
func (f *follower) at(y, x int) int { return (y+1)*f.stride + x + 1 }

// eachLine calls visit with the row of each line of pixels of the bodies, and where it begins and ends there.
func (f *follower) eachLine(visit func(y, x0, x1 int)) {
	for y := range f.of.height {
		for _, run := range f.of.list[f.of.row[y]:f.of.row[y+1]] {
			if run.value != background {
				visit(y, int(run.x0), int(run.x1))
			}
		}
	}
}

// lead finds where each pixel leads to.
func (f *follower) lead() {
	f.eachLine(func(y, x0, x1 int) {
		hops := f.hop[f.at(y, x0):f.at(y, x1)]
		for i := range hops {
			hops[i] = f.walk(y, x0+i)
		}
	})
}

// walk returns the place that a pixel reaches in a few steps. A step that would leave the bodies ends the way: it is never
// longer than to a pixel beside.
func (f *follower) walk(startY, startX int) int32 {
	place := f.at(startY, startX)
	y, x := startY*flowOne, startX*flowOne
	for range flowSteps {
		down, right := f.between(y, x)
		y = min(max(y+(down*flowScale)>>16, 0), (f.of.height-1)*flowOne)
		x = min(max(x+(right*flowScale)>>16, 0), (f.of.width-1)*flowOne)
		next := f.at((y+flowOne/2)>>16, (x+flowOne/2)>>16)
		if f.mark[next] == outside {
			break
		}
		place = next
	}
	return int32(place)
}

// between is the flow at a place between pixels, bilinear with weights of a 256th, in flowOne of a unit.
func (f *follower) between(y, x int) (down, right int) {
	i := (y>>16)*f.of.width + x>>16
	low, far := y>>8&255, x>>8&255
	below, beside := f.of.width, 1
	if y>>16 == f.of.height-1 {
		below = 0
	}
	if x>>16 == f.of.width-1 {
		beside = 0
	}
	// Both values at once, one in each half: no sum of them reaches 32 bits.
	sum := uint64((256-low)*(256-far))*f.flow[i].spread() + uint64((256-low)*far)*f.flow[i+beside].spread() +
		uint64(low*(256-far))*f.flow[i+below].spread() + uint64(low*far)*f.flow[i+below+beside].spread()
	return int(uint32(sum)) - flowNone*flowOne, int(sum>>32) - flowNone*flowOne
}

// double makes each way twice as long, and reports whether any changed.
func (f *follower) double() bool {
	changed := false
	f.eachLine(func(y, x0, x1 int) {
		begin, end := f.at(y, x0), f.at(y, x1)
		further := f.further[begin:end]
		for i, hop := range f.hop[begin:end] {
			next := f.hop[hop]
			further[i] = next
			changed = changed || next != hop
		}
	})
	f.hop, f.further = f.further, f.hop
	return changed
}

// gather numbers the middles: ends and the pixels beside them that touch at edges or corners are one.
func (f *follower) gather() {
	neighbours := [...]int{-f.stride - 1, -f.stride, -f.stride + 1, -1, 1, f.stride - 1, f.stride, f.stride + 1}
	f.eachLine(func(y, x0, x1 int) {
		for _, end := range f.hop[f.at(y, x0):f.at(y, x1)] {
			if f.mark[end] == inside {
				f.mark[end] = undone
				f.near = append(f.near, end)
			}
		}
	})
	for _, end := range f.near {
		for _, step := range neighbours {
			if beside := int(end) + step; f.mark[beside] == inside {
				f.mark[beside] = undone
			}
		}
	}
	ends, middle := len(f.near), int32(0)
	for k := range ends {
		if f.mark[f.near[k]] != undone {
			continue
		}
		middle++
		f.mark[f.near[k]] = middle
		f.near = append(f.near[:ends], f.near[k])
		for len(f.near) > ends {
			last := int(f.near[len(f.near)-1])
			f.near = f.near[:len(f.near)-1]
			for _, step := range neighbours {
				if beside := last + step; f.mark[beside] == undone {
					f.mark[beside] = middle
					f.near = append(f.near, int32(beside))
				}
			}
		}
	}
}
