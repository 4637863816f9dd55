package models

// Spec describes one model. It is read from the ONNX metadata of the file itself; nothing about a
// model is known anywhere else.
type Spec struct {
	ID          string    // stable name, such as "unet_spherohq"
	Title       string    // for people
	Description string    // one or two sentences, for people
	Input       Input     // what the graph takes
	OutputName  string    // the graph's probability output: uint8 [N,Height,Width,1] unless there is a Codec
	BorderName  string    // the graph's output, of that form, that tells the rim of each object; empty in most models
	Flow        bool      // OutputName tells where the middle of each pixel's object lies, too: [N,Height,Width,3]
	Codec       *Codec    // of a graph that takes and gives float32; nil of one that does so with uint8
	Threshold   float64   // default probability above which a pixel is object, 0..1
	MinArea     int       // default least area of an object, in square pixels; what is smaller is noise to the model
	Split       bool      // by default, part touching objects
	Diameter    *Diameter // of the objects that it knows; nil of a model that does not say
	Precision   string    // "fp32", "fp16", "int8"
	Batch       Batch
	TrainedOn   []TrainingSet    // what it learnt from
	Scores      map[string]Score // how well it did, by validation set
	Path        string           // the file
	SHA256      string           // of the file, in hex
	SizeBytes   int64
	Version     string // which content the file had: another one when it is replaced; empty in a spec of no file
}

// Content names what is in the model's file, wherever it lies: the beginning of its SHA-256. Empty in a spec of no file.
func (s Spec) Content() string { return s.SHA256[:min(12, len(s.SHA256))] }

// Scaling says how an image of any size becomes an input of the model's size.
type Scaling string

// ScalingFit resizes the whole image, keeping its aspect ratio, into the top left of the input and
// repeats the edge pixels into what is left over.
const ScalingFit Scaling = "fit"

// ScalingNative leaves the image at its own resolution, stretches its levels over all of 0..255, and cuts it into tiles
// of the input's size, which overlap: one row of a batch each.
const ScalingNative Scaling = "native"

// TrainingSet is a set of images that a model learnt from.
type TrainingSet struct {
	Name    string `json:"name"`
	Licence string `json:"licence"`
	Images  int    `json:"images"`
}

// Score is how well a model's masks agree with a validation set's: means over its images, 0..1.
type Score struct {
	Dice float64 `json:"dice"`
	IoU  float64 `json:"iou"`
}

// Objects says what a model tells of objects that touch, and so how they are made of its outputs.
type Objects string

// What a model may tell: the probability of object alone; that of an object's rim too, by which touching ones part; or the flow,
// which leads from each pixel to the middle of its object.
const (
	ObjectsByThreshold Objects = "threshold"
	ObjectsByBorder    Objects = "border"
	ObjectsByFlow      Objects = "flow"
)

// Objects says what the model tells of objects that touch.
func (s Spec) Objects() Objects {
	switch {
	case s.Flow:
		return ObjectsByFlow
	case s.BorderName != "":
		return ObjectsByBorder
	}
	return ObjectsByThreshold
}

// Outputs is how many values a pixel of the model's output has: its probability, and that of a border or the two of a flow,
// down and right, where the model tells it. Of a flow 128 is none and 127 more or less its whole length.
func (s Spec) Outputs() int {
	return map[Objects]int{ObjectsByThreshold: 1, ObjectsByBorder: 2, ObjectsByFlow: 3}[s.Objects()]
}

// Tensors are the names of the graph's outputs that hold those values, an equal number in each, in their order.
func (s Spec) Tensors() []string {
	if s.Codec != nil || s.Objects() != ObjectsByBorder {
		return []string{s.OutputName} // all are channels of it
	}
	return []string{s.OutputName, s.BorderName}
}

// Input is the model's input: uint8 [N,Height,Width,Channels]. The graph normalises by itself unless there is a Codec.
type Input struct {
	Name     string  `json:"-"` // in the graph
	Height   int     `json:"height"`
	Width    int     `json:"width"`
	Channels int     `json:"channels"` // 1 grey, 3 RGB
	Scaling  Scaling `json:"scaling"`
	Halo     int     `json:"halo,omitempty"` // of tiles: so many pixels at each edge of the output are not to be gone by
}

// Batch is how many images one run may hold, by how many sessions are active on the node.
type Batch struct {
	Alone  int `json:"alone"`  // one session is active
	Shared int `json:"shared"` // several are
	Max    int `json:"max"`    // never more
}

// Tensor is a dense uint8 array in NHWC order: Pix[((n*H+y)*W+x)*C+c].
type Tensor struct {
	N, H, W, C int
	Pix        []uint8
}

// Rows is the part of t from row from up to row to; it shares t's memory.
func (t Tensor) Rows(from, to int) Tensor {
	row := t.H * t.W * t.C
	return Tensor{N: to - from, H: t.H, W: t.W, C: t.C, Pix: t.Pix[from*row : to*row]}
}

// Padded is t with rows of zeros behind its own, n in all. It shares t's memory where there is nothing to add.
func (t Tensor) Padded(n int) Tensor {
	if t.N == n {
		return t
	}
	padded := Tensor{N: n, H: t.H, W: t.W, C: t.C, Pix: make([]uint8, n*t.H*t.W*t.C)}
	copy(padded.Pix, t.Pix)
	return padded
}

// InPortions gives run so many rows of t at once, at most, and joins what it makes of them. The error is run's, or wraps
// ErrShapes.
func (t Tensor) InPortions(rows int, run func(portion Tensor) (Tensor, error)) (Tensor, error) {
	parts := make([]Tensor, 0, 1)
	for first := 0; first < t.N; first += rows {
		part, err := run(t.Rows(first, min(first+rows, t.N)))
		if err != nil {
			return Tensor{}, err
		}
		parts = append(parts, part)
	}
	return Concat(parts)
}
