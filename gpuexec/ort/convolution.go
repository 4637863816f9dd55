package ort

import (
	"errors"

	onnx "github.com/yalue/onnxruntime_go"
	"google.golang.org/protobuf/encoding/protowire"

	"seghub/models"
)

// convolve runs one 3x3 convolution of 8x8 pixels, and a kernel of the provider's own, on a stream of the GPU, as a worker would.
func convolve(d device) (err error) {
	stream, err := d.newStream()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.cuda.Destroy(stream)) }()
	options, err := onnx.NewSessionOptions()
	if err != nil {
		return err
	}
	defer release(options)
	// A node that the GPU cannot run would else run on the CPU, and nobody would know.
	if err := options.AddSessionConfigEntry("session.disable_cpu_ep_fallback", "1"); err != nil {
		return err
	}
	if err := d.appendCUDA(options, stream, models.Spec{Precision: "fp32"}); err != nil {
		return err
	}
	session, err := onnx.NewDynamicAdvancedSessionWithONNXData(convolution(), []string{"x"}, []string{"y"}, options)
	if err != nil {
		return err
	}
	defer release(session)
	input, err := onnx.NewTensor(onnx.NewShape(1, 1, convolved, convolved), make([]float32, convolved*convolved))
	if err != nil {
		return err
	}
	defer release(input)
	output := []onnx.Value{nil} // made by ONNX Runtime
	if err := session.Run([]onnx.Value{input}, output); err != nil {
		return err
	}
	release(output[0])
	return nil
}

// convolved is the height and width of what is convolved, in pixels.
const convolved = 8

// convolution is an ONNX file of y = Abs(Conv(x, w)) with w of ones. The convolution is cuDNN's, which may have code for a GPU for which
// the provider has none; Abs is the provider's own. The numbers of the fields are those of onnx.proto.
func convolution() []byte {
	node := text(text(text(text(nil, 1, "x"), 1, "w"), 2, "convolved"), 4, "Conv")
	pads := integer(text(nil, 1, "pads"), 20, 7) // type INTS
	for range 4 {
		pads = integer(pads, 8, 1)
	}
	weights := []byte{}
	for _, dim := range []uint64{1, 1, 3, 3} {
		weights = integer(weights, 1, dim)
	}
	weights = text(integer(weights, 2, 1), 8, "w") // of float32
	for range 9 {
		weights = protowire.AppendFixed32(protowire.AppendTag(weights, 4, protowire.Fixed32Type), 0x3f800000) // 1.0
	}
	graph := message(nil, 1, message(node, 5, pads))
	graph = message(graph, 1, text(text(text(nil, 1, "convolved"), 2, "y"), 4, "Abs"))
	graph = message(text(graph, 2, "one convolution"), 5, weights)
	graph = message(message(graph, 11, value("x")), 12, value("y"))
	file := integer(nil, 1, 8) // ir_version
	return message(message(file, 7, graph), 8, integer(nil, 2, 17))
}

// value is a float32 [1,1,convolved,convolved] that has a name.
func value(name string) []byte {
	var shape []byte
	for _, dim := range []uint64{1, 1, convolved, convolved} {
		shape = message(shape, 1, integer(nil, 1, dim))
	}
	tensor := message(integer(nil, 1, 1), 2, shape)
	return message(text(nil, 1, name), 2, message(nil, 1, tensor))
}

func integer(b []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

func text(b []byte, field protowire.Number, s string) []byte {
	return message(b, field, []byte(s))
}

func message(b []byte, field protowire.Number, m []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), m)
}
