package importer

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"seghub/models"
)

// defaultEps is that of the format.
const defaultEps = 1e-6

// processing is what is done to a tensor.
type processing struct {
	steps     []models.Step
	threshold *float64 // of a last step that makes the output 0 or 1: above it is 1
}

// translate reads what a package does before or after its graph.
func translate(list []process, l models.Layout, tensorName string) (processing, error) {
	var p processing
	for i, described := range list {
		k := kwargs{name: described.ID, values: maps.Clone(described.Kwargs), layout: l, tensor: tensorName}
		if k.name == "" {
			k.name = described.Name
		}
		if k.values == nil {
			k.values = map[string]any{}
		}
		if p.threshold != nil && k.name != "ensure_dtype" {
			return processing{}, refuse("step %.40q comes after binarize, which must be the last", k.name)
		}
		if err := p.add(k, i == 0); err != nil {
			return processing{}, err
		}
	}
	return p, nil
}

func (p *processing) add(k kwargs, first bool) error {
	var step models.Step
	var err error
	switch k.name {
	case "ensure_dtype":
		dtype, _ := k.take("dtype").(string)
		if exact := strings.HasPrefix(dtype, "float"); !exact && !first && p.threshold == nil {
			return refuse("step ensure_dtype makes the values %.40q in between, which cannot be done here", dtype)
		}
		return k.rest()
	case "binarize":
		threshold, ok := toFloats(k.take("threshold"))
		if !ok || len(threshold) != 1 {
			return refuse("step binarize has not one threshold")
		}
		p.threshold = &threshold[0]
		return k.rest()
	case "scale_linear":
		step, err = k.scaleLinear()
	case "fixed_zero_mean_unit_variance":
		step, err = k.fixed()
	case "zero_mean_unit_variance":
		mode := k.mode()
		if mode == "fixed" {
			step, err = k.fixed()
			break
		}
		step = models.Step{Operation: models.ZeroMeanUnitVariance, Eps: k.number("eps", defaultEps)}
		step.Together, err = k.together(mode)
	case "scale_range":
		step = models.Step{Operation: models.ScaleRange, Low: k.number("min_percentile", 0), High: k.number("max_percentile", 100), Eps: k.number("eps", defaultEps)}
		step.Together, err = k.together(k.mode())
		if reference := k.take("reference_tensor"); reference != nil && reference != k.tensor {
			return refuse("step scale_range takes its percentiles from another tensor")
		}
	case "clip":
		step = models.Step{Operation: models.Clip, Min: k.bound("min"), Max: k.bound("max")}
	case "sigmoid":
		step = models.Step{Operation: models.Sigmoid}
	case "softmax":
		step = models.Step{Operation: models.Softmax}
		if axis := k.take("axis"); axis != nil && axis != "channel" {
			return refuse("step softmax is not over the channels")
		}
	default:
		return refuse("step %.40q is not among those that the hub can do", k.name)
	}
	if err != nil {
		return err
	}
	p.steps = append(p.steps, step)
	return k.rest()
}

// kwargs are the values of a step; those that were taken are gone.
type kwargs struct {
	name   string
	values map[string]any
	layout models.Layout
	tensor string
}

func (k kwargs) take(key string) any {
	v := k.values[key]
	delete(k.values, key)
	return v
}

// rest refuses what was not taken: it may change everything.
func (k kwargs) rest() error {
	for _, key := range slices.Sorted(maps.Keys(k.values)) {
		if k.values[key] != nil {
			return refuse("step %s has a %.40q of %.80q, which the hub does not know", k.name, key, fmt.Sprint(k.values[key]))
		}
	}
	return nil
}

func (k kwargs) number(key string, otherwise float64) float64 {
	if v := k.bound(key); v != nil {
		return *v
	}
	return otherwise
}

// bound is nil where there is none. What is no number is left for rest to refuse.
func (k kwargs) bound(key string) *float64 {
	v, ok := toFloat(k.values[key])
	if !ok {
		return nil
	}
	k.take(key)
	return &v
}

// mode is fixed, per_sample or per_dataset in 0.4; 0.5 has none.
func (k kwargs) mode() string {
	mode, _ := k.take("mode").(string)
	if mode == "" && (k.values["mean"] != nil || k.values["std"] != nil) {
		return "fixed"
	}
	return mode
}

// lists are two values, each one number or one a channel, made equally long.
func (k kwargs) lists(a, b string, otherwise ...float64) ([]float64, []float64, error) {
	k.take("axes") // of 0.4: what is left over are the channels, as the lists' lengths say
	if axis := k.take("axis"); axis != nil && axis != "channel" {
		return nil, nil, refuse("step %s goes along the axis %v, not the channels", k.name, axis)
	}
	read := func(key string, i int) ([]float64, error) {
		v := k.take(key)
		if v == nil && i < len(otherwise) {
			return []float64{otherwise[i]}, nil
		}
		list, ok := toFloats(v)
		if !ok {
			return nil, refuse("step %s has no number for %s", k.name, key)
		}
		return list, nil
	}
	first, err := read(a, 0)
	if err != nil {
		return nil, nil, err
	}
	second, err := read(b, 1)
	if err != nil {
		return nil, nil, err
	}
	if len(first) == 1 {
		first = slices.Repeat(first, len(second))
	}
	if len(second) == 1 {
		second = slices.Repeat(second, len(first))
	}
	if len(first) != len(second) {
		return nil, nil, refuse("step %s has %d and %d values for %s and %s", k.name, len(first), len(second), a, b)
	}
	return first, second, nil
}

func (k kwargs) scaleLinear() (models.Step, error) {
	gain, offset, err := k.lists("gain", "offset", 1, 0)
	return models.Step{Operation: models.ScaleLinear, Gain: gain, Offset: offset}, err
}

func (k kwargs) fixed() (models.Step, error) {
	mean, std, err := k.lists("mean", "std")
	if err != nil {
		return models.Step{}, err
	}
	for _, v := range std {
		if v <= 0 {
			return models.Step{}, refuse("step %s has a standard deviation of %g", k.name, v)
		}
	}
	return standardise(mean, std, k.number("eps", defaultEps)), nil
}

// together says whether the statistics of a step are those of all channels. They are of one image: the hub sees no data set, and
// a package carries none of its statistics.
func (k kwargs) together(mode string) (bool, error) {
	if mode == "per_dataset" {
		return false, errDataset(k.name)
	}
	var named []string
	switch axes := k.take("axes").(type) {
	case nil:
		return true, nil
	case string: // 0.4
		named = strings.Split(axes, "")
	case []any: // 0.5
		for _, axis := range axes {
			name, _ := axis.(string)
			named = append(named, name)
		}
	}
	over := make([]byte, 0, len(named))
	for _, name := range named {
		over = append(over, letters[name])
	}
	slices.Sort(over)
	o := string(over)
	if strings.Contains(o, "n") {
		return false, errDataset(k.name)
	}
	if len(k.layout) == 3 { // there is one channel
		o = strings.ReplaceAll(o, "c", "")
	}
	switch o {
	case "chw":
		return true, nil
	case "hw":
		return false, nil
	}
	return false, refuse("step %s works along the axes %v; lines and columns, with or without channels, can be done", k.name, named)
}

func errDataset(step string) error {
	return refuse("step %s works with statistics of a whole data set, which the package does not carry", step)
}
