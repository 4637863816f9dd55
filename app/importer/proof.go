package importer

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"

	"seghub/models"
)

// tolerance is how far a test may differ from its output: a value by absolute plus relative times the output's, and so many values
// of a million by more.
type tolerance struct {
	Relative   *float64 `yaml:"relative_tolerance"`
	Absolute   *float64 `yaml:"absolute_tolerance"`
	PerMillion *float64 `yaml:"mismatched_elements_per_million"`
	Outputs    []string `yaml:"output_ids"`
	Formats    []string `yaml:"weights_formats"`
}

// The tolerance where a package declares none, which is the format's own default, and the most that it may declare: beyond that
// a test proves nothing.
const (
	relative, mostRelative     = 1e-3, 1e-2
	absolute, mostAbsolute     = 1e-3, 5e-2
	perMillion, mostPerMillion = 100, 1000
)

// tolerance is what the package declares for the first output and ONNX.
func (r rdf) tolerance() tolerance {
	value := func(declared *float64, otherwise, most float64) *float64 {
		if declared != nil {
			otherwise = max(0, min(*declared, most))
		}
		return &otherwise
	}
	declared := tolerance{}
	for _, t := range r.Config.BioimageIO.Tolerances {
		if (len(t.Outputs) == 0 || slices.Contains(t.Outputs, r.Outputs[0].ID)) && (len(t.Formats) == 0 || slices.Contains(t.Formats, "onnx")) {
			declared = t
			break
		}
	}
	return tolerance{
		Relative:   value(declared.Relative, relative, mostRelative),
		Absolute:   value(declared.Absolute, absolute, mostAbsolute),
		PerMillion: value(declared.PerMillion, perMillion, mostPerMillion),
	}
}

// proof is the test that a package brings: what the model must give for what.
type proof struct {
	input, output array
	inLayout      models.Layout
	before        []models.Step // without what the hub does to its own levels
	threshold     *float64      // the test's output is binary
	tolerance     tolerance
}

func (p *proof) read(a archive, r rdf) error {
	input, output := r.tests()
	if input.Source == "" || output.Source == "" {
		return refuse("the package brings no test input and output, without which nobody knows that it works")
	}
	for _, t := range []struct {
		source source
		to     *array
	}{{input, &p.input}, {output, &p.output}} {
		file, err := a.read(t.source.Source, t.source.SHA256, maxArray)
		if err != nil {
			return err
		}
		if *t.to, err = readNPY(file); err != nil {
			return refuse("%.200q in the package %w", t.source.Source, err)
		}
	}
	return nil
}

// channels is how many the test's output has; 1 when its shape is another than the layout's, which check refuses.
func (p *proof) channels(l models.Layout) int {
	images, err := l.Split(p.output.values, p.output.shape)
	if err != nil {
		return 1
	}
	return images[0].C
}

// check runs the test as the hub runs images, but in float32 from end to end, and compares.
func (p *proof) check(ctx context.Context, w io.Writer, spec models.Spec, rt Runtime) error {
	inputs, err := p.inLayout.Split(p.input.values, p.input.shape)
	if err != nil {
		return refuse("the package's test input: %w", err)
	}
	wanted, err := spec.Codec.OutputLayout.Split(p.output.values, p.output.shape)
	if err != nil {
		return refuse("the package's test output: %w", err)
	}
	for _, image := range inputs {
		if image.C != spec.Input.Channels {
			return refuse("the package's test input has %d channels, and its description %d", image.C, spec.Input.Channels)
		}
		models.Apply(p.before, image)
	}
	values, shape := spec.Codec.InputLayout.Join(inputs)
	got, err := run(ctx, spec, values, shape, rt)
	if err != nil {
		return err
	}
	if len(got) != len(wanted) || got[0].C != wanted[0].C || got[0].H != wanted[0].H || got[0].W != wanted[0].W {
		return refuse("for the package's test input it gives %d images of [%d,%d,%d], and the test output is %d of [%d,%d,%d] (channels, lines, columns)",
			len(got), got[0].C, got[0].H, got[0].W, len(wanted), wanted[0].C, wanted[0].H, wanted[0].W)
	}
	var d difference
	for i := range got {
		models.Apply(spec.Codec.After, got[i])
		if p.threshold != nil {
			binarize(got[i].Pix, *p.threshold)
		}
		d.add(got[i].Pix, wanted[i].Pix, *p.tolerance.Absolute, *p.tolerance.Relative)
	}
	if !(float64(d.beyond) <= *p.tolerance.PerMillion*float64(d.values)/1e6) { // what is no number allows nothing
		return refuse("for the package's own test input it does not give the package's test output: %d of %d values differ by more than %g + %g of the value, the worst by %.3g",
			d.beyond, d.values, *p.tolerance.Absolute, *p.tolerance.Relative, d.worst)
	}
	_, err = fmt.Fprintf(w, "The package's own test input gives its test output: the %d values differ by %.2g at most.\n", d.values, d.worst)
	return err
}

func binarize(values []float32, threshold float64) {
	for i, v := range values {
		values[i] = 0
		if float64(v) > threshold {
			values[i] = 1
		}
	}
}

// difference sums up how far values are from those that are wanted.
type difference struct {
	values, beyond int
	worst          float64
}

func (d *difference) add(got, wanted []float32, absolute, relative float64) {
	for i := range got {
		off := math.Abs(float64(got[i]) - float64(wanted[i]))
		d.values++
		if !(off <= absolute+relative*math.Abs(float64(wanted[i]))) { // no number agrees with nothing
			d.beyond++
		}
		d.worst = max(d.worst, off)
	}
}
