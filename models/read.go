package models

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"slices"

	"seghub/models/mask"
)

// ErrInvalid is why a file is no model that can be used; wrapped errors say what is wrong with it.
var ErrInvalid = errors.New("not a usable model")

// specKey is where a file's metadata holds its spec.
const specKey = "seghub.spec"

// specFormat is the version of the spec's JSON.
const specFormat = 1

// minOpset is the oldest version of ONNX's operators that ONNX Runtime promises to run.
const minOpset = 7

// The largest input side and batch that a spec may ask for, so that a slip in a file cannot ask for all
// memory.
const (
	maxSide  = 8192
	maxBatch = 256
)

// minTile is the least side of a tile: a smaller one is mostly what it shares with the next.
const minTile = 64

// errNoFile says that a name is that of something else.
var errNoFile = errors.New("a folder, a pipe or a device, not a file")

// OpenFile opens a file to read. Opening a pipe may never end, and no more may reading a device: those are refused.
func OpenFile(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: errNoFile}
	}
	if err != nil {
		return nil, err
	}
	return os.Open(path)
}

// ReadSpec reads what the ONNX file at path says of itself, and checks it against the file's graph. The
// weights are not looked into. The error wraps ErrInvalid when the file is read but cannot be used.
func ReadSpec(path string) (Spec, error) {
	file, err := OpenFile(path)
	if errors.Is(err, errNoFile) {
		err = fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if err != nil {
		return Spec{}, fmt.Errorf("read the model: %w", err)
	}
	defer file.Close()
	info, err := file.Stat() // of the file that is open, whatever its name means by now
	if err != nil {
		return Spec{}, fmt.Errorf("read the model: %w", err)
	}
	model, err := readONNX(file, info.Size())
	if err != nil {
		return Spec{}, fmt.Errorf("read the model: %w", err)
	}
	spec, err := model.spec()
	if err != nil {
		return Spec{}, fmt.Errorf("read the model: %w", err)
	}
	if spec.SHA256, err = sumOf(file); err != nil {
		return Spec{}, fmt.Errorf("read the model: %w", err)
	}
	spec.Path, spec.SizeBytes, spec.Version = path, info.Size(), version(info)
	return spec, nil
}

// sumOf is the SHA-256 of a file, in hex.
func sumOf(file *os.File) (string, error) {
	sum := sha256.New()
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	_, err := io.Copy(sum, file)
	return hex.EncodeToString(sum.Sum(nil)), err
}

// specFile is the JSON of a spec.
type specFile struct {
	Format      int    `json:"format"`
	ID          string `json:"id"`
	Title       string `json:"title"`
	Description string `json:"description"`
	Input       Input  `json:"input"`
	// Outputs says what the graph's outputs are, in their order; [probability] when it is absent.
	Outputs []string `json:"outputs"`
	// Objects is what the outputs tell of objects that touch; what Outputs say when it is absent.
	Objects      Objects          `json:"objects,omitempty"`
	Codec        *Codec           `json:"codec,omitempty"` // of a graph that computes in float32
	Threshold    float64          `json:"threshold"`
	MinArea      int              `json:"min_area"`
	Split        bool             `json:"split_touching"`
	Diameter     *Diameter        `json:"diameter,omitempty"` // of a model that wants objects of its size
	Precision    string           `json:"precision"`
	Batch        Batch            `json:"batch"`
	TrainingData []TrainingSet    `json:"training_data"`
	Scores       map[string]Score `json:"scores"`
}

// outputsOf are the graph's outputs by what they tell: a flow is three channels of one, the first of which is the probability.
var outputsOf = map[Objects][]string{
	ObjectsByThreshold: {"probability"},
	ObjectsByBorder:    {"probability", "border"},
	ObjectsByFlow:      {"flow"},
}

// spec returns the spec in m's metadata if it is right and the graph agrees with it.
func (m onnxModel) spec() (Spec, error) {
	text, ok := m.metadata[specKey]
	if !ok {
		return Spec{}, fmt.Errorf("%w: its metadata has no %s", ErrInvalid, specKey)
	}
	var f specFile
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		return Spec{}, fmt.Errorf("%w: its %s: %w", ErrInvalid, specKey, err)
	}
	if err := f.check(); err != nil {
		return Spec{}, fmt.Errorf("%w: its %s: %w", ErrInvalid, specKey, err)
	}
	objects := f.objects()
	if err := m.check(f.Input, objects, f.Codec); err != nil {
		return Spec{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	f.Input.Name = m.inputs[0].name
	spec := Spec{
		ID:          f.ID,
		Title:       f.Title,
		Description: f.Description,
		Input:       f.Input,
		OutputName:  m.outputs[0].name,
		Flow:        objects == ObjectsByFlow,
		Codec:       f.Codec,
		Threshold:   f.Threshold,
		MinArea:     f.MinArea,
		Split:       f.Split,
		Diameter:    f.Diameter,
		Precision:   f.Precision,
		Batch:       f.Batch,
		TrainedOn:   f.TrainingData,
		Scores:      f.Scores,
	}
	switch {
	case f.Codec != nil:
		spec.OutputName = f.Codec.OutputName
		if f.Codec.Border != nil {
			spec.BorderName = f.Codec.OutputName
		}
	case objects == ObjectsByBorder:
		spec.BorderName = m.outputs[1].name
	}
	return spec, nil
}

// modelID is what an id may look like: it stands in URLs, file names and metrics.
var modelID = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// objects is what the outputs tell, said or not; empty where they are none of what is known.
func (f specFile) objects() Objects {
	if len(f.Outputs) == 0 {
		return cmp.Or(f.Objects, ObjectsByThreshold)
	}
	for objects, outputs := range outputsOf {
		if slices.Equal(f.Outputs, outputs) && (f.Objects == "" || f.Objects == objects) {
			return objects
		}
	}
	return ""
}

func (f specFile) check() error {
	in, batch := f.Input, f.Batch
	switch {
	case f.Format != specFormat:
		return fmt.Errorf("format is %d, this program reads %d", f.Format, specFormat)
	case !modelID.MatchString(f.ID):
		return fmt.Errorf("id %.80q is not made of a-z, 0-9, _ and -, at most 64 of them", f.ID)
	case f.Title == "":
		return errors.New("title is missing")
	case in.Height < 1 || in.Height > maxSide || in.Width < 1 || in.Width > maxSide:
		return fmt.Errorf("an input of %dx%d pixels is not within 1 to %d", in.Width, in.Height, maxSide)
	case in.Channels != 1 && in.Channels != 3:
		return fmt.Errorf("input of %d channels, 1 and 3 can be made", in.Channels)
	case in.Scaling != ScalingFit && in.Scaling != ScalingNative:
		return fmt.Errorf("scaling %.80q is unknown", in.Scaling)
	case in.Scaling == ScalingNative && min(in.Height, in.Width) < minTile:
		return fmt.Errorf("tiles of %dx%d pixels, at least %d a side are needed", in.Width, in.Height, minTile)
	case in.Halo < 0 || in.Halo > in.MostHalo() || in.Halo > 0 && in.Scaling != ScalingNative:
		return fmt.Errorf("a halo of %d pixels, of tiles of %dx%d at most %d can be one", in.Halo, in.Width, in.Height, in.MostHalo())
	case outputsOf[f.objects()] == nil:
		return fmt.Errorf("outputs %.80q with objects %.80q: it may be [probability] with threshold, [probability border] with border, "+
			"or [flow] with flow", f.Outputs, f.Objects)
	case (mask.Options{Threshold: f.Threshold, MinArea: f.MinArea}).Validate() != nil:
		return fmt.Errorf("threshold is %g, min_area %d: %w", f.Threshold, f.MinArea, (mask.Options{Threshold: f.Threshold, MinArea: f.MinArea}).Validate())
	case !slices.Contains([]string{"fp32", "fp16", "int8"}, f.Precision):
		return fmt.Errorf("precision %.80q is unknown", f.Precision)
	case batch.Alone < 1 || batch.Shared < 1 || batch.Max < max(batch.Alone, batch.Shared) || batch.Max > maxBatch:
		return fmt.Errorf("batch of %d alone and %d shared does not fit 1 to max, %d", batch.Alone, batch.Shared, batch.Max)
	}
	if f.Diameter != nil {
		if err := f.Diameter.check(in); err != nil {
			return fmt.Errorf("diameter: %w", err)
		}
	}
	if f.Codec != nil {
		if err := f.Codec.check(in, f.objects()); err != nil {
			return fmt.Errorf("codec: %w", err)
		}
	}
	return nil
}

// check compares the graph with the input, the outputs and the codec that the spec promises.
func (m onnxModel) check(in Input, objects Objects, codec *Codec) error {
	if m.opset < minOpset {
		return fmt.Errorf("its operators are of version %d, at least %d is needed", m.opset, minOpset)
	}
	if len(m.inputs) != 1 {
		return fmt.Errorf("its graph has %d inputs instead of one", len(m.inputs))
	}
	if codec != nil {
		return codec.checkGraph(m, in)
	}
	outputs, channels := len(outputsOf[objects]), 1
	if objects == ObjectsByFlow {
		channels = 3
	}
	if len(m.outputs) < outputs {
		return fmt.Errorf("its graph has %d outputs instead of %d", len(m.outputs), outputs)
	}
	if err := m.inputs[0].check(in.Height, in.Width, in.Channels); err != nil {
		return fmt.Errorf("input %w", err)
	}
	for _, output := range m.outputs[:outputs] {
		if err := output.check(in.Height, in.Width, channels); err != nil {
			return fmt.Errorf("output %w", err)
		}
	}
	return nil
}

// check wants uint8 [N,height,width,channels] with N left open; a graph may leave the others open too.
func (v value) check(height, width, channels int) error {
	right := v.elementType == uint8Type && len(v.dims) == 4 && v.dims[0] == openDim
	if right {
		for i, want := range []int{height, width, channels} {
			right = right && (v.dims[i+1] == openDim || v.dims[i+1] == int64(want))
		}
	}
	if !right {
		return fmt.Errorf("%.80q is %s, not uint8 [N,%d,%d,%d]", v.name, v, height, width, channels)
	}
	return nil
}
