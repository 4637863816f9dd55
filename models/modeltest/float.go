package modeltest

import (
	"encoding/binary"
	"math"
	"strings"
)

// FloatOptions say what a model is whose graph computes in float32; zero fields take the default in their comment.
type FloatOptions struct {
	Layout   string    // order of the axes of input and output, such as "nhwc"; "nchw"
	Batch    int64     // images a run; Dynamic
	Height   int64     // 64
	Width    int64     // 64
	Channels int64     // of the input; 1
	Gain     []float32 // one a channel of the output; {1}
	Offset   []float32 // like Gain; zeros
	Spec     string    // JSON in the metadata; none

	WeightsAsInputs bool // as before version 4 of the format
	External        bool // weights are said to lie in a file of their own
	OneImage        bool // it can run one image alone, whatever Batch says, as where a shape was written into the graph on its export
	AcrossImages    bool // in place of Offset, the mean of all images of a run is added
}

// NewFloat returns a model whose channel k of the output is the mean of a pixel's channels, times Gain[k], plus Offset[k]. Its
// input is "raw", its output "out".
func NewFloat(o FloatOptions) Model {
	if o.Layout == "" {
		o.Layout = "nchw"
	}
	if o.Batch == 0 {
		o.Batch = Dynamic
	}
	if o.Height == 0 {
		o.Height = 64
	}
	if o.Width == 0 {
		o.Width = 64
	}
	if o.Channels == 0 {
		o.Channels = 1
	}
	if o.Gain == nil {
		o.Gain = []float32{1}
	}
	if o.Offset == nil {
		o.Offset = make([]float32, len(o.Gain))
	}
	m := Model{
		Spec:    o.Spec,
		Opset:   17,
		Inputs:  []Value{{"raw", Float, o.dims(o.Batch, o.Channels, o.Height, o.Width)}},
		Outputs: []Value{{"out", Float, o.dims(o.Batch, int64(len(o.Gain)), o.Height, o.Width)}},
		float:   &o,
	}
	if o.WeightsAsInputs {
		weights := o.dims(1, int64(len(o.Gain)), 1, 1)
		m.Inputs = append(m.Inputs, Value{"gain", Float, weights}, Value{"offset", Float, weights})
	}
	return m
}

func (o FloatOptions) dims(n, c, h, w int64) []int64 {
	size := map[rune]int64{'n': n, 'c': c, 'h': h, 'w': w}
	var dims []int64
	for _, axis := range o.Layout {
		dims = append(dims, size[axis])
	}
	return dims
}

// graph computes ReduceMean(channels) -> Mul(gain) -> Add(offset).
func (o FloatOptions) graph() []byte {
	mean := "raw"
	var graph []byte
	if axis := strings.IndexByte(o.Layout, 'c'); axis >= 0 {
		mean = "mean"
		graph = appendMessage(graph, 1, node("ReduceMean", "raw", mean, intsAttribute("axes", int64(axis)), intAttribute("keepdims", 1)))
	}
	if o.OneImage {
		graph = appendMessage(graph, 1, binaryNode("Reshape", mean, "shape", "reshaped"))
		graph = appendMessage(graph, 5, shape(o.dims(1, -1, o.Height, o.Width)))
		mean = "reshaped"
	}
	graph = appendMessage(graph, 1, binaryNode("Mul", mean, "gain", "scaled"))
	offset := "offset"
	if o.AcrossImages {
		offset = "images"
		axis := strings.IndexByte(o.Layout, 'n')
		graph = appendMessage(graph, 1, node("ReduceMean", "scaled", offset, intsAttribute("axes", int64(axis)), intAttribute("keepdims", 1)))
	}
	graph = appendMessage(graph, 1, binaryNode("Add", "scaled", offset, "out"))
	graph = appendText(graph, 2, "mean of the channels, scaled")
	graph = appendMessage(graph, 5, o.weights("gain", o.Gain))
	return appendMessage(graph, 5, o.weights("offset", o.Offset))
}

func binaryNode(operator, a, b, output string) []byte {
	n := appendText(appendText(nil, 1, a), 1, b)
	return appendText(appendText(n, 2, output), 4, operator)
}

// shape is the constant that a Reshape takes.
func shape(dims []int64) []byte {
	const int64s = 7
	tensor := appendText(appendInt(appendInt(nil, 1, int64(len(dims))), 2, int64s), 8, "shape")
	var raw []byte
	for _, d := range dims {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(d))
	}
	return appendMessage(tensor, 9, raw)
}

func (o FloatOptions) weights(name string, values []float32) []byte {
	var w, raw []byte
	for _, d := range o.dims(1, int64(len(values)), 1, 1) {
		w = appendInt(w, 1, d)
	}
	w = appendInt(w, 2, Float)
	w = appendText(w, 8, name)
	if o.External {
		location := appendText(appendText(nil, 1, "location"), 2, "weights.bin")
		w = appendMessage(w, 13, location)
		return appendInt(w, 14, 1)
	}
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return appendMessage(w, 9, raw)
}
