package models

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Codec says how the hub's uint8 samples become the input of a graph that computes in float32, and how what the graph gives
// becomes probabilities. A graph that takes and gives uint8 by itself has none.
type Codec struct {
	InputLayout  Layout `json:"input_layout"`
	Before       []Step `json:"before"`      // on the samples, 0..255
	OutputName   string `json:"output_name"` // in the graph
	OutputLayout Layout `json:"output_layout"`
	After        []Step `json:"after"`            // on all channels of the output but a flow's; then they are probabilities, 0..1
	Channel      int    `json:"channel"`          // of the output: the probability of object
	Border       *int   `json:"border,omitempty"` // of the output: the probability of an object's rim
	Flow         *Flow  `json:"flow,omitempty"`   // of the output: where the middle of a pixel's object lies
	OneByOne     bool   `json:"-"`                // the graph takes one image a run
}

// Flow says which channels of an output tell where the middle of a pixel's object lies. No steps are taken on these.
type Flow struct {
	Down  int     `json:"down"`
	Right int     `json:"right"`
	Unit  float32 `json:"unit"` // the length of a whole flow; Cellpose's is 5
}

// Layout is the order of a float tensor's axes: n images, c channels, h lines, w columns, as in "nchw". Without a c there is
// one channel.
type Layout string

// Planes is one image of float samples, channel by channel: Pix[(c*H+y)*W+x].
type Planes struct {
	C, H, W int
	Pix     []float32
}

// Encode makes in, [N,H,W,C], the graph's input.
func (c *Codec) Encode(in Tensor) (values []float32, shape []int64) {
	images := make([]Planes, in.N)
	for n := range images {
		p := Planes{C: in.C, H: in.H, W: in.W, Pix: make([]float32, in.C*in.H*in.W)}
		row := in.Rows(n, n+1).Pix
		for channel := range in.C {
			plane := p.Plane(channel)
			for i := range plane {
				plane[i] = float32(row[i*in.C+channel])
			}
		}
		Apply(c.Before, p)
		images[n] = p
	}
	return c.InputLayout.Join(images)
}

// Decode makes uint8 [n,h,w,1], or [n,h,w,2] of a codec with a border and [n,h,w,3] of one with a flow, of what the graph gave for
// n images of h x w pixels. It may overwrite values. The error says what is wrong with their shape.
func (c *Codec) Decode(values []float32, shape []int64, n, h, w int) (Tensor, error) {
	images, err := c.OutputLayout.Split(values, shape)
	if err != nil {
		return Tensor{}, err
	}
	if len(images) != n {
		return Tensor{}, fmt.Errorf("the graph gave %d images for %d", len(images), n)
	}
	channels := c.outputs()
	out := Tensor{N: n, H: h, W: w, C: len(channels), Pix: make([]uint8, n*h*w*len(channels))}
	for i, p := range images {
		if p.H != h || p.W != w {
			return Tensor{}, fmt.Errorf("the graph gave %dx%d pixels for an image of %dx%d", p.W, p.H, w, h)
		}
		if last := slices.Max(channels); last >= p.C {
			return Tensor{}, fmt.Errorf("the graph gave %d channels, and channel %d is wanted (the first is 0)", p.C, last)
		}
		row := out.Rows(i, i+1).Pix
		probabilities := c.Probabilities(p)
		for k, plane := range probabilities {
			for j, v := range plane {
				row[j*out.C+k] = level(v)
			}
		}
		for k, channel := range channels[len(probabilities):] {
			for j, v := range p.Plane(channel) {
				row[j*out.C+len(probabilities)+k] = flowLevel(v / c.Flow.Unit)
			}
		}
	}
	return out, nil
}

// Probabilities takes the steps after the graph on one image's output, in its memory, and returns the channels that then are
// probabilities: that of object, and that of a rim.
func (c *Codec) Probabilities(p Planes) [][]float32 {
	if c.Flow != nil {
		alone := Planes{C: 1, H: p.H, W: p.W, Pix: p.Plane(c.Channel)}
		Apply(c.After, alone)
		return [][]float32{alone.Pix}
	}
	Apply(c.After, p)
	var planes [][]float32
	for _, channel := range c.outputs() {
		planes = append(planes, p.Plane(channel))
	}
	return planes
}

// outputs lists the channels that are wanted, in the order of Spec.Outputs.
func (c *Codec) outputs() []int {
	switch {
	case c.Flow != nil:
		return []int{c.Channel, c.Flow.Down, c.Flow.Right}
	case c.Border != nil:
		return []int{c.Channel, *c.Border}
	}
	return []int{c.Channel}
}

// objects is what the codec takes of the output.
func (c *Codec) objects() Objects {
	switch {
	case c.Flow != nil:
		return ObjectsByFlow
	case c.Border != nil:
		return ObjectsByBorder
	}
	return ObjectsByThreshold
}

// level is a probability in 255ths; none of what is no number.
func level(probability float32) uint8 {
	if probability > 0 {
		return uint8(min(probability, 1)*255 + 0.5)
	}
	return 0
}

// flowLevel is a part of a flow's length, -1..1, around 128; 128 of what is no number.
func flowLevel(part float32) uint8 {
	if math.IsNaN(float64(part)) {
		return 128
	}
	return uint8(max(-1, min(part, 1))*127 + 128.5)
}

// Plane is one channel of p, in p's memory.
func (p Planes) Plane(channel int) []float32 {
	size := p.H * p.W
	return p.Pix[channel*size : (channel+1)*size]
}

// Split takes a tensor apart into its images. The error says that shape is none of l's, or not that of values.
func (l Layout) Split(values []float32, shape []int64) ([]Planes, error) {
	if len(shape) != len(l) {
		return nil, fmt.Errorf("a tensor of shape %v has not the axes %q", shape, string(l))
	}
	total := int64(1)
	for _, d := range shape {
		if d < 1 || d > math.MaxInt32 {
			return nil, fmt.Errorf("a tensor of shape %v is empty or too large", shape)
		}
		if total *= d; total > int64(len(values)) {
			break
		}
	}
	if total != int64(len(values)) {
		return nil, fmt.Errorf("a tensor of shape %v does not have %d values", shape, len(values))
	}
	size, stride := l.strides(shape)
	images := make([]Planes, size['n'])
	for n := range images {
		p := Planes{C: size['c'], H: size['h'], W: size['w']}
		p.Pix = make([]float32, p.C*p.H*p.W)
		to := 0
		for c := range p.C {
			for y := range p.H {
				from := n*stride['n'] + c*stride['c'] + y*stride['h']
				for range p.W {
					p.Pix[to] = values[from]
					to++
					from += stride['w']
				}
			}
		}
		images[n] = p
	}
	return images, nil
}

// Join makes one tensor of images that are all of one size; there is at least one.
func (l Layout) Join(images []Planes) (values []float32, shape []int64) {
	first := images[0]
	shape = l.shape(len(images), first.C, first.H, first.W)
	_, stride := l.strides(shape)
	values = make([]float32, len(images)*len(first.Pix))
	for n, p := range images {
		from := 0
		for c := range p.C {
			for y := range p.H {
				to := n*stride['n'] + c*stride['c'] + y*stride['h']
				for range p.W {
					values[to] = p.Pix[from]
					from++
					to += stride['w']
				}
			}
		}
	}
	return values, shape
}

func (l Layout) shape(n, c, h, w int) []int64 {
	size := map[rune]int{'n': n, 'c': c, 'h': h, 'w': w}
	shape := make([]int64, 0, len(l))
	for _, axis := range l {
		shape = append(shape, int64(size[axis]))
	}
	return shape
}

// strides are the sizes of the axes, and how many values lie between two neighbours along each.
func (l Layout) strides(shape []int64) (size, stride map[byte]int) {
	size, stride = map[byte]int{'c': 1}, map[byte]int{'c': 0}
	step := 1
	for i := len(l) - 1; i >= 0; i-- {
		size[l[i]], stride[l[i]] = int(shape[i]), step
		step *= int(shape[i])
	}
	return size, stride
}

// Valid reports whether l has each axis once, and no other.
func (l Layout) Valid() bool {
	for _, axis := range "nhw" {
		if strings.Count(string(l), string(axis)) != 1 {
			return false
		}
	}
	return len(l) == 3 || len(l) == 4 && strings.Count(string(l), "c") == 1
}

// maxSteps is more than any model has.
const maxSteps = 16

func (c *Codec) check(in Input, objects Objects) error {
	switch {
	case !c.InputLayout.Valid():
		return fmt.Errorf("input layout %.80q does not have each of n, c, h and w once", c.InputLayout)
	case !c.OutputLayout.Valid():
		return fmt.Errorf("output layout %.80q does not have each of n, c, h and w once", c.OutputLayout)
	case len(c.InputLayout) == 3 && in.Channels != 1:
		return fmt.Errorf("input layout %q has no room for %d channels", c.InputLayout, in.Channels)
	case c.OutputName == "":
		return errors.New("output_name is missing")
	case c.Channel < 0 || c.Border != nil && (*c.Border < 0 || *c.Border == c.Channel):
		return errors.New("channel and border must be two different channels, the first of which is 0")
	case c.Border != nil && c.Flow != nil:
		return errors.New("border and flow tell the same: one of them is enough")
	case c.Flow != nil && c.Flow.check(c.Channel) != nil:
		return c.Flow.check(c.Channel)
	case c.objects() != objects:
		return fmt.Errorf("channels for objects by %s, not by %s", c.objects(), objects)
	case len(c.Before) > maxSteps || len(c.After) > maxSteps:
		return fmt.Errorf("more than %d steps", maxSteps)
	}
	for _, s := range c.Before {
		if err := s.check(in.Channels); err != nil {
			return err
		}
	}
	for _, s := range c.After {
		if err := s.check(1); err != nil {
			return err
		}
	}
	return nil
}

func (f *Flow) check(probability int) error {
	switch {
	case f.Down < 0 || f.Right < 0 || f.Down == f.Right || f.Down == probability || f.Right == probability:
		return errors.New("channel and the two of flow must be three different channels, the first of which is 0")
	case !(f.Unit > 0) || math.IsInf(float64(f.Unit), 0):
		return fmt.Errorf("the unit of the flow is %g, not a length", f.Unit)
	}
	return nil
}

// checkGraph compares the graph with the input that the spec promises and with c, and sets what c takes from the graph.
func (c *Codec) checkGraph(m onnxModel, in Input) error {
	input := m.inputs[0]
	if !input.fits(c.InputLayout, in, func(channels int64) bool { return channels == int64(in.Channels) }) {
		return fmt.Errorf("input %.80q is %s, not %s with N open or 1", input.name, input,
			c.InputLayout.text(in.Height, in.Width, in.Channels))
	}
	i := slices.IndexFunc(m.outputs, func(v value) bool { return v.name == c.OutputName })
	if i < 0 {
		return fmt.Errorf("its graph has no output %.80q", c.OutputName)
	}
	output, last := m.outputs[i], slices.Max(c.outputs())
	// Some exporters leave the shape of an output out; the first run tells it.
	unknown := output.elementType == floatType && output.dims == nil
	if !unknown && !output.fits(c.OutputLayout, in, func(channels int64) bool { return channels > int64(last) }) ||
		len(c.OutputLayout) == 3 && last > 0 {
		return fmt.Errorf("output %.80q is %s, not %s with a channel %d (the first is 0)", output.name, output,
			c.OutputLayout.text(in.Height, in.Width, last+1), last)
	}
	c.OneByOne = input.dims[strings.IndexByte(string(c.InputLayout), 'n')] == 1
	return nil
}

// fits reports whether v is float32 of that layout and of in's size where it has numbers, for one image or any number.
func (v value) fits(l Layout, in Input, channels func(int64) bool) bool {
	if v.elementType != floatType || len(v.dims) != len(l) {
		return false
	}
	for i, d := range v.dims {
		right := d == openDim
		switch l[i] {
		case 'n':
			right = right || d == 1
		case 'c':
			right = right || channels(d)
		case 'h':
			right = right || d == int64(in.Height)
		case 'w':
			right = right || d == int64(in.Width)
		}
		if !right {
			return false
		}
	}
	return true
}

// text is l with numbers, as value.String writes them.
func (l Layout) text(h, w, c int) string {
	return value{elementType: floatType, dims: l.shape(openDim, c, h, w)}.String()
}
