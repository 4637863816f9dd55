package importer

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"seghub/models"
)

// rdf is a package's resource description file, as far as it matters here, in the formats 0.4 and 0.5
// (https://github.com/bioimage-io/spec-bioimage-io).
type rdf struct {
	FormatVersion string            `yaml:"format_version"`
	Type          string            `yaml:"type"`
	ID            string            `yaml:"id"`
	Name          string            `yaml:"name"`
	Description   string            `yaml:"description"`
	License       string            `yaml:"license"`
	Cite          []citation        `yaml:"cite"`
	Inputs        []tensor          `yaml:"inputs"`
	Outputs       []tensor          `yaml:"outputs"`
	TestInputs    []string          `yaml:"test_inputs"`  // 0.4
	TestOutputs   []string          `yaml:"test_outputs"` // 0.4
	Weights       map[string]source `yaml:"weights"`
	Config        struct {
		BioimageIO struct {
			Nickname   string      `yaml:"nickname"` // 0.4: what people call the model
			Tolerances []tolerance `yaml:"reproducibility_tolerance"`
		} `yaml:"bioimageio"`
	} `yaml:"config"`
}

type citation struct {
	Text string `yaml:"text"`
	DOI  string `yaml:"doi"`
}

// source is a file of the package.
type source struct {
	Source   string `yaml:"source"`
	SHA256   string `yaml:"sha256"`
	External any    `yaml:"external_data"`
}

type tensor struct {
	Name       string    `yaml:"name"` // 0.4
	ID         string    `yaml:"id"`   // 0.5
	Axes       any       `yaml:"axes"` // 0.4: "bcyx"; 0.5: a list
	Shape      any       `yaml:"shape"`
	Halo       []any     `yaml:"halo"` // 0.4: one number an axis
	DataType   string    `yaml:"data_type"`
	DataRange  []any     `yaml:"data_range"`
	Data       any       `yaml:"data"` // 0.5: type and range, or a list of such, one a channel
	Before     []process `yaml:"preprocessing"`
	After      []process `yaml:"postprocessing"`
	TestTensor source    `yaml:"test_tensor"` // 0.5
}

type process struct {
	Name   string         `yaml:"name"` // 0.4
	ID     string         `yaml:"id"`   // 0.5
	Kwargs map[string]any `yaml:"kwargs"`
}

func parseRDF(text []byte) (rdf, error) {
	var r rdf
	if err := decodeYAML(text, &r); err != nil {
		return rdf{}, refuse("the package's description: %w", err)
	}
	weights, onnx := r.Weights["onnx"]
	switch {
	case r.Type != "model":
		return rdf{}, refuse("the package describes a %.40q, not a model", r.Type)
	case !strings.HasPrefix(r.FormatVersion, "0.4") && !strings.HasPrefix(r.FormatVersion, "0.5"):
		return rdf{}, refuse("the package is of format %.40q; 0.4 and 0.5 can be read", r.FormatVersion)
	case !onnx:
		return rdf{}, refuse("the package has weights for %s and none for ONNX", strings.Join(slices.Sorted(maps.Keys(r.Weights)), ", "))
	case weights.External != nil:
		return rdf{}, refuse("the package's ONNX weights lie in a file of their own beside the graph; only one file can be imported")
	case len(r.Inputs) != 1:
		return rdf{}, refuse("the model takes %d inputs instead of one image", len(r.Inputs))
	case len(r.Outputs) == 0:
		return rdf{}, refuse("the package describes no output")
	}
	return r, nil
}

// tests are the test tensors of the first input and output.
func (r rdf) tests() (input, output source) {
	if len(r.TestInputs) > 0 && len(r.TestOutputs) > 0 {
		return source{Source: r.TestInputs[0]}, source{Source: r.TestOutputs[0]}
	}
	return r.Inputs[0].TestTensor, r.Outputs[0].TestTensor
}

// id is the package's id or nickname where the hub can call the model so, else one made of its name.
func (r rdf) id() string {
	for i, text := range []string{r.ID, r.Config.BioimageIO.Nickname, r.Name} {
		var id strings.Builder
		for _, c := range strings.ToLower(text) {
			switch {
			case c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-':
				id.WriteRune(c)
			case c == ' ' && id.Len() > 0:
				id.WriteByte('_')
			}
		}
		made := strings.Trim(id.String(), "_-")
		if made != "" && len(made) <= 64 && (made == text || i == 2) {
			return made
		}
	}
	return ""
}

// about is the description that the hub shows, with licence and citations.
func (r rdf) about() string {
	parts := []string{strings.TrimSpace(r.Description)}
	if r.License != "" {
		parts = append(parts, "Licence: "+r.License+".")
	}
	for _, c := range r.Cite {
		parts = append(parts, strings.TrimSpace("Cite: "+strings.TrimSpace(c.Text)+" "+c.DOI)+".")
	}
	return strings.TrimSpace(strings.Join(parts, " "))
}

// axis is one axis of a tensor.
type axis struct {
	letter byte // n, c, h or w
	size   any  // as described
	halo   any  // as described, of an output: pixels at each end that are not to be gone by
	names  []string
}

// axes are t's, in their order.
func (t tensor) axes() ([]axis, models.Layout, error) {
	var list []axis
	switch described := t.Axes.(type) {
	case string:
		sizes, _ := t.Shape.([]any)
		for i, name := range described {
			a := axis{letter: letters[string(name)]}
			if i < len(sizes) {
				a.size = sizes[i]
			} else if m, ok := t.Shape.(map[string]any); ok {
				a.size = parameterised(m, i)
			}
			if i < len(t.Halo) {
				a.halo = t.Halo[i]
			}
			if a.letter == 0 {
				return nil, "", refuse("a tensor has the axes %.40q; those of two-dimensional images, b, c, y and x, can be used", described)
			}
			list = append(list, a)
		}
	case []any:
		for _, entry := range described {
			m, _ := entry.(map[string]any)
			kind, _ := m["type"].(string)
			id, _ := m["id"].(string)
			if kind == "space" && id == "" {
				id = "x"
			} else if kind != "space" {
				id = kind
			}
			a := axis{letter: letters[id], size: m["size"], halo: m["halo"]}
			if a.letter == 0 {
				return nil, "", refuse("a tensor has an axis %.40q; batch, channel, y and x can be used", id)
			}
			names, _ := m["channel_names"].([]any)
			for _, name := range names {
				a.names = append(a.names, fmt.Sprint(name))
			}
			list = append(list, a)
		}
	}
	var layout strings.Builder
	for _, a := range list {
		layout.WriteByte(a.letter)
	}
	l := models.Layout(layout.String())
	if !l.Valid() {
		return nil, "", refuse("a tensor has not each of the axes batch, y and x once, and at most one of channels")
	}
	return list, l, nil
}

// letters are a layout's axes, by their names in 0.4 and 0.5.
var letters = map[string]byte{"b": 'n', "c": 'c', "y": 'h', "x": 'w', "batch": 'n', "channel": 'c'}

// parameterised makes of a 0.4 shape's {min: [...], step: [...]} what 0.5 says of one axis.
func parameterised(shape map[string]any, i int) any {
	least, _ := shape["min"].([]any)
	step, _ := shape["step"].([]any)
	if i >= len(least) || i >= len(step) {
		return nil
	}
	if s, _ := toFloat(step[i]); s == 0 {
		return least[i]
	}
	return map[string]any{"min": least[i], "step": step[i]}
}

// preferredSide is about the side of a tile where a model leaves it open.
const preferredSide = 512

// side is the size of an axis in pixels: the graph's where it has one, else the described. 0 when neither tells.
func side(graph int64, described any) int {
	if graph > 0 {
		return int(graph)
	}
	if v, ok := toFloat(described); ok {
		return int(v)
	}
	m, _ := described.(map[string]any)
	least, ok := toFloat(m["min"])
	step, stepped := toFloat(m["step"])
	if !ok || !stepped || step < 1 {
		return 0
	}
	return int(least) + max(0, int((preferredSide-least)/step))*int(step)
}

// toFloat reads a number. One such as 1e-06, as the zoo's own programs write it, is a text to goccy/go-yaml.
func toFloat(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case int64:
		return float64(v), true
	case uint64:
		return float64(v), true
	case float64:
		return v, true
	case string:
		f, err := strconv.ParseFloat(v, 64)
		return f, err == nil
	}
	return 0, false
}

// toFloats reads a number or a list of them.
func toFloats(v any) ([]float64, bool) {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var floats []float64
	for _, entry := range list {
		f, ok := toFloat(entry)
		if !ok {
			return nil, false
		}
		floats = append(floats, f)
	}
	return floats, len(floats) > 0
}

// levels is the range of the values of images that t takes: from 0 to 255 where it says nothing, as the hub's are.
func (t tensor) levels() (least, most float64) {
	bounds, kind := t.DataRange, t.DataType
	data := t.Data
	if list, ok := data.([]any); ok && len(list) > 0 {
		data = list[0]
	}
	if m, ok := data.(map[string]any); ok {
		bounds, _ = m["range"].([]any)
		kind, _ = m["type"].(string)
	}
	if len(bounds) == 2 {
		low, lowKnown := toFloat(bounds[0])
		high, highKnown := toFloat(bounds[1])
		if lowKnown && highKnown && low < high && high-low < 1e9 { // neither is infinite
			return low, high
		}
	}
	if kind == "uint16" {
		return 0, 65535
	}
	return 0, 255
}
