package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"

	"seghub/models"
)

// sidecar is the YAML file beside an ONNX file: what docs/models/import.md describes.
type sidecar struct {
	ID          string         `yaml:"id"`
	Title       string         `yaml:"title"`
	Description string         `yaml:"description"`
	Size        numbers        `yaml:"size"`     // height and width, or one number for both
	Channels    int            `yaml:"channels"` // 1 grey, 3 RGB
	Layout      models.Layout  `yaml:"layout"`
	Scaling     models.Scaling `yaml:"scaling"`
	Mean        numbers        `yaml:"mean"` // in levels, 0..255
	Std         numbers        `yaml:"std"`
	Min         *float64       `yaml:"min"` // what the network takes for black
	Max         *float64       `yaml:"max"` // and for white
	Output      *string        `yaml:"output"`
	Channel     *int           `yaml:"channel"`
	Border      *int           `yaml:"border"`
	Flow        *flow          `yaml:"flow"`
	Activation  string         `yaml:"activation"`
	Threshold   *float64       `yaml:"threshold"`
}

// flow says which channels of the output lead to the middle of a pixel's object.
type flow struct {
	Down  int     `yaml:"down"`
	Right int     `yaml:"right"`
	Unit  float32 `yaml:"unit"` // a flow's whole length
}

// numbers is a number or a list of them.
type numbers []float64

// UnmarshalYAML reads either form.
func (n *numbers) UnmarshalYAML(unmarshal func(any) error) error {
	var one float64
	if unmarshal(&one) == nil {
		*n = numbers{one}
		return nil
	}
	return unmarshal((*[]float64)(n))
}

// maxYAML is far more than a description needs.
const maxYAML = 1 << 20

func importSidecar(ctx context.Context, w io.Writer, r Request, rt Runtime) error {
	file, size, graph, err := openGraph(r.File)
	if err != nil {
		return err
	}
	defer file.Close()
	s, path, err := readSidecar(r.File)
	if err != nil {
		return err
	}
	if r.ID != "" {
		s.ID = r.ID
	}
	spec, err := s.spec(graph)
	if err != nil {
		return refuse("%s: %w", path, err)
	}
	return install(ctx, w, r.Folder, candidate{graph: file, size: size, spec: spec}, rt)
}

// readSidecar reads the YAML beside the model, and says where that was.
func readSidecar(model string) (s sidecar, path string, err error) {
	base := strings.TrimSuffix(model, filepath.Ext(model))
	for _, extension := range []string{".yaml", ".yml"} {
		path = base + extension
		text, err := readSmall(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return sidecar{}, path, err
		}
		if s, err = parseSidecar(text); err != nil {
			return sidecar{}, path, refuse("%s: %w", path, err)
		}
		return s, path, nil
	}
	return sidecar{}, path, refuse("%s.yaml is missing, the file that says what the model takes and gives: docs/models/import.md has an example", base)
}

func parseSidecar(text []byte) (s sidecar, err error) {
	err = decodeYAML(text, &s, yaml.Strict())
	return s, err
}

func readSmall(path string) ([]byte, error) {
	file, err := models.OpenFile(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxYAML+1))
	if err == nil && len(text) > maxYAML {
		err = refuse("%s is larger than %d bytes", path, maxYAML)
	}
	return text, err
}

// The layouts and activations that a sidecar may name.
var (
	sidecarLayouts     = []models.Layout{"nchw", "nhwc"}
	sidecarActivations = map[string][]models.Step{
		"none":    nil,
		"sigmoid": {{Operation: models.Sigmoid}},
		"softmax": {{Operation: models.Softmax}},
	}
)

// spec is what s says of graph. The error names the key that is missing or wrong.
func (s sidecar) spec(graph models.Graph) (models.Spec, error) {
	if err := s.missing(); err != nil {
		return models.Spec{}, err
	}
	if s.Layout != sidecarLayouts[0] && s.Layout != sidecarLayouts[1] {
		return models.Spec{}, fmt.Errorf("layout %.40q is neither nchw (channels first, as PyTorch has it) nor nhwc (channels last, as TensorFlow has it)", s.Layout)
	}
	after, known := sidecarActivations[s.Activation]
	if !known {
		return models.Spec{}, fmt.Errorf("activation %.40q is none of none, sigmoid and softmax", s.Activation)
	}
	if len(s.Size) > 2 {
		return models.Spec{}, errors.New("size has more than a height and a width")
	}
	before, err := s.before()
	if err != nil {
		return models.Spec{}, err
	}
	height, width := s.Size[0], s.Size[len(s.Size)-1]
	if height != float64(int(height)) || width != float64(int(width)) {
		return models.Spec{}, errors.New("size is not in whole pixels")
	}
	spec := models.Spec{
		ID: s.ID, Title: s.Title, Description: s.Description, Threshold: 0.5, Precision: "fp32", Batch: batchOf(s.Layout, graph),
		Input: models.Input{Height: int(height), Width: int(width), Channels: s.Channels, Scaling: s.Scaling},
		Codec: &models.Codec{InputLayout: s.Layout, Before: before, OutputLayout: s.Layout, After: after, Border: s.Border},
	}
	if s.Threshold != nil {
		spec.Threshold = *s.Threshold
	}
	return spec, s.chooseOutput(&spec, graph)
}

func (s sidecar) missing() error {
	for _, key := range []struct {
		absent  bool
		example string
	}{
		{s.ID == "", "id: my_model"},
		{s.Title == "", "title: My model"},
		{len(s.Size) == 0, "size: [512, 512]"},
		{s.Channels == 0, "channels: 1"},
		{s.Layout == "", "layout: nchw"},
		{s.Scaling == "", "scaling: native"},
		{s.Activation == "", "activation: sigmoid"},
	} {
		if key.absent {
			name, _, _ := strings.Cut(key.example, ":")
			return fmt.Errorf("%s is missing: add a line such as %q", name, key.example)
		}
	}
	return nil
}

// before is how levels, 0..255, become what the network takes.
func (s sidecar) before() ([]models.Step, error) {
	moments := len(s.Mean) > 0 || len(s.Std) > 0
	limits := s.Min != nil || s.Max != nil
	switch {
	case moments && limits:
		return nil, errors.New("there are mean and std as well as min and max: give one pair")
	case moments && (len(s.Mean) == 0 || len(s.Std) == 0), limits && (s.Min == nil || s.Max == nil):
		return nil, errors.New("mean needs std, and min needs max")
	case !moments && !limits:
		return nil, errors.New("mean and std are missing, or min and max: what the network takes for levels of 0 to 255")
	case limits && *s.Min >= *s.Max:
		return nil, errors.New("min is not below max")
	case limits:
		return []models.Step{spread(*s.Min, *s.Max)}, nil
	}
	if n := len(s.Mean); n != len(s.Std) || n != 1 && n != s.Channels {
		return nil, fmt.Errorf("mean and std have %d and %d numbers: give one each, or one a channel", len(s.Mean), len(s.Std))
	}
	for _, std := range s.Std {
		if std < 1 {
			return nil, fmt.Errorf("std is %g: mean and std are in levels of 0 to 255; multiply those of a scale of 0 to 1 by 255", std)
		}
	}
	return []models.Step{standardise(s.Mean, s.Std, 0)}, nil
}

// spread maps levels, 0..255, to least..most.
func spread(least, most float64) models.Step {
	return models.Step{Operation: models.ScaleLinear, Gain: []float64{(most - least) / 255}, Offset: []float64{least}}
}

// standardise makes v (v-mean) / (std+eps), of lists that are equally long.
func standardise(mean, std []float64, eps float64) models.Step {
	s := models.Step{Operation: models.ScaleLinear}
	for i := range mean {
		s.Gain = append(s.Gain, 1/(std[i]+eps))
		s.Offset = append(s.Offset, -mean[i]/(std[i]+eps))
	}
	return s
}

// chooseOutput takes the output and channel that s names; it need not where there is one.
func (s sidecar) chooseOutput(spec *models.Spec, graph models.Graph) error {
	names := make([]string, len(graph.Outputs))
	for i, output := range graph.Outputs {
		names[i] = output.Name
	}
	if s.Output == nil && len(names) != 1 {
		return fmt.Errorf("output is missing, and the graph has several: %s", strings.Join(names, ", "))
	}
	var name string
	if s.Output != nil {
		name = *s.Output
	} else {
		name = names[0]
	}
	spec.OutputName, spec.Codec.OutputName = name, name
	if s.Border != nil {
		spec.BorderName, spec.Split = name, true
	}
	if s.Flow != nil {
		spec.Codec.Flow = &models.Flow{Down: s.Flow.Down, Right: s.Flow.Right, Unit: s.Flow.Unit}
		spec.Flow, spec.Split = true, true
	}
	if s.Channel != nil {
		spec.Codec.Channel = *s.Channel
		return nil
	}
	for _, output := range graph.Outputs {
		c := strings.IndexByte(string(s.Layout), 'c')
		if output.Name == name && (output.Dims == nil || c < len(output.Dims) && output.Dims[c] != 1) {
			return fmt.Errorf("channel is missing, and output %s may have several (the first is 0)", name)
		}
	}
	return nil
}
