// Package modeltest makes small ONNX model files for tests. They are whole: an ONNX Runtime loads and runs
// them, and they carry a spec, so that the same file serves tests with and without a runtime.
package modeltest

import (
	"encoding/json"
	"fmt"
	"os"

	"google.golang.org/protobuf/encoding/protowire"

	"seghub/models"
)

// Element types of ONNX.
const (
	Float = 1
	Uint8 = 2
)

// Dynamic is a dimension that a Value leaves open.
const Dynamic = -1

// Options say what a model is; zero fields take the default in their comment.
type Options struct {
	ID       string           // "test"
	Height   int              // 64
	Width    int              // 64
	Channels int              // 1
	Weights  int              // bytes of weights that nothing reads; 0
	Reduce   string           // operator that makes a probability of a pixel's channels; "ReduceMean"
	Scaling  string           // "fit"
	Border   bool             // a second output, the greatest of a pixel's channels
	Flow     bool             // the only output is a flow: the three channels of the image
	Diameter *models.Diameter // of the objects that it knows; none
}

// Value is an input or output of a graph.
type Value struct {
	Name string
	Type int     // element type
	Dims []int64 // Dynamic where open
}

// Model is what a file holds, open to be spoilt by a test.
type Model struct {
	Spec    string // JSON in the metadata; none when empty
	Opset   int64
	Inputs  []Value
	Outputs []Value
	Weights int
	Reduce  string
	float   *FloatOptions // of a model of NewFloat
}

// New returns a model whose probability is the mean of a pixel's channels, rounded down, or what o.Reduce makes of them.
func New(o Options) Model {
	if o.ID == "" {
		o.ID = "test"
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
	if o.Reduce == "" {
		o.Reduce = "ReduceMean"
	}
	if o.Scaling == "" {
		o.Scaling = "fit"
	}
	m := Model{
		Spec:    spec(o),
		Opset:   17,
		Inputs:  []Value{{"image", Uint8, []int64{Dynamic, int64(o.Height), int64(o.Width), int64(o.Channels)}}},
		Outputs: []Value{{"probability", Uint8, []int64{Dynamic, int64(o.Height), int64(o.Width), 1}}},
		Weights: o.Weights,
		Reduce:  o.Reduce,
	}
	if o.Flow {
		m.Outputs = []Value{{"flow", Uint8, []int64{Dynamic, int64(o.Height), int64(o.Width), 3}}}
	}
	if o.Border {
		m.Outputs = append(m.Outputs, Value{"border", Uint8, m.Outputs[0].Dims})
	}
	return m
}

// Write writes the model of o to path.
func Write(path string, o Options) error { return New(o).Write(path) }

// Write writes m to path.
func (m Model) Write(path string) error {
	if err := os.WriteFile(path, m.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write a test model: %w", err)
	}
	return nil
}

func spec(o Options) string {
	type object = map[string]any
	outputs := []string{"probability", "border"}[:1]
	if o.Border {
		outputs = outputs[:2]
	}
	if o.Flow {
		outputs = []string{"flow"}
	}
	all := object{
		"format":        1,
		"id":            o.ID,
		"title":         "Test model " + o.ID,
		"description":   "Takes the mean of the channels for a probability.",
		"input":         object{"height": o.Height, "width": o.Width, "channels": o.Channels, "scaling": o.Scaling},
		"outputs":       outputs,
		"threshold":     0.5,
		"precision":     "fp32",
		"batch":         object{"alone": 4, "shared": 2, "max": 8},
		"training_data": []object{{"name": "none", "licence": "CC0-1.0", "images": 0}},
		"scores":        object{"none": object{"dice": 0, "iou": 0}},
	}
	if o.Diameter != nil {
		all["diameter"] = o.Diameter
	}
	data, err := json.Marshal(all)
	if err != nil {
		panic(err) // strings and numbers alone
	}
	return string(data)
}

// Bytes returns m as an ONNX file. The numbers of the fields are those of onnx.proto.
func (m Model) Bytes() []byte {
	var file []byte
	file = appendInt(file, 1, 8) // ir_version
	file = appendText(file, 2, "seghub modeltest")
	file = appendMessage(file, 7, m.graph())
	file = appendMessage(file, 8, appendInt(nil, 2, m.Opset)) // of the default domain
	if m.Spec != "" {
		property := appendText(nil, 1, "seghub.spec")
		file = appendMessage(file, 14, appendText(property, 2, m.Spec))
	}
	return file
}

func (m Model) graph() []byte {
	graph := m.body()
	for _, v := range m.Inputs {
		graph = appendMessage(graph, 11, v.message())
	}
	for _, v := range m.Outputs {
		graph = appendMessage(graph, 12, v.message())
	}
	return graph
}

// body computes Cast(float) -> Reduce(axis 3) -> Cast(uint8), once for each output; without the Reduce for a flow.
func (m Model) body() []byte {
	if m.float != nil {
		return m.float.graph()
	}
	var graph []byte
	graph = appendMessage(graph, 1, node("Cast", m.Inputs[0].Name, "float", intAttribute("to", Float)))
	for i, output := range m.Outputs {
		if output.Name == "flow" {
			graph = appendMessage(graph, 1, node("Cast", "float", output.Name, intAttribute("to", Uint8)))
			continue
		}
		reduce, reduced := m.Reduce, fmt.Sprintf("reduced %d", i)
		if i > 0 {
			reduce = "ReduceMax"
		}
		graph = appendMessage(graph, 1, node(reduce, "float", reduced, intsAttribute("axes", 3), intAttribute("keepdims", 1)))
		graph = appendMessage(graph, 1, node("Cast", reduced, output.Name, intAttribute("to", Uint8)))
	}
	graph = appendText(graph, 2, "mean of the channels")
	if m.Weights > 0 {
		graph = appendMessage(graph, 5, weights(m.Weights))
	}
	return graph
}

func node(operator, input, output string, attributes ...[]byte) []byte {
	n := appendText(nil, 1, input)
	n = appendText(n, 2, output)
	n = appendText(n, 4, operator)
	for _, a := range attributes {
		n = appendMessage(n, 5, a)
	}
	return n
}

func intAttribute(name string, v int64) []byte {
	a := appendText(nil, 1, name)
	a = appendInt(a, 3, v)
	return appendInt(a, 20, 2) // type INT
}

func intsAttribute(name string, values ...int64) []byte {
	a := appendText(nil, 1, name)
	for _, v := range values {
		a = appendInt(a, 8, v)
	}
	return appendInt(a, 20, 7) // type INTS
}

func weights(n int) []byte {
	w := appendInt(nil, 1, int64(n)) // dims
	w = appendInt(w, 2, Uint8)
	w = appendText(w, 8, "weights")
	return appendMessage(w, 9, make([]byte, n)) // raw_data
}

func (v Value) message() []byte {
	var shape []byte
	for i, d := range v.Dims {
		if d == Dynamic {
			shape = appendMessage(shape, 1, appendText(nil, 2, fmt.Sprintf("d%d", i)))
		} else {
			shape = appendMessage(shape, 1, appendInt(nil, 1, d))
		}
	}
	tensor := appendMessage(appendInt(nil, 1, int64(v.Type)), 2, shape)
	return appendMessage(appendText(nil, 1, v.Name), 2, appendMessage(nil, 1, tensor))
}

func appendInt(b []byte, field protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), uint64(v))
}

func appendText(b []byte, field protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
}

func appendMessage(b []byte, field protowire.Number, m []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), m)
}
