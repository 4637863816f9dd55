package importer

import (
	"errors"
	"testing"

	"seghub/models"
)

var fuzzGraph = models.Graph{
	Inputs:  []models.Port{{Name: "raw", Dims: []int64{-1, 1, -1, -1}}},
	Outputs: []models.Port{{Name: "out", Dims: []int64{-1, 2, -1, -1}}},
}

// FuzzRDF wants a spec or a refusal of any description.
func FuzzRDF(f *testing.F) {
	f.Add([]byte(rdf04))
	f.Add([]byte(rdf05))
	f.Add([]byte("type: model\nformat_version: 0.5\nweights: {onnx: null}\ninputs: [{axes: [1, {type: batch}, null]}]\noutputs: [null]\n"))
	one := 1
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := parseRDF(text)
		if err == nil {
			// The test tensors are left out: those of another file are read by readNPY.
			_, _, err = r.read(archive{}, fuzzGraph, Request{Channel: &one})
		}
		if err != nil && !errors.Is(err, ErrRefused) {
			t.Error(err)
		}
		for _, list := range [][]tensor{r.Inputs, r.Outputs} {
			for _, d := range list {
				axes, l, err := d.axes()
				if err != nil {
					continue
				}
				size(axes, nil)
				d.levels()
				if p, err := translate(d.Before, l, d.Name); err == nil && len(p.steps) > len(d.Before) {
					t.Errorf("%d steps of %d", len(p.steps), len(d.Before))
				}
			}
		}
	})
}

// FuzzSidecar wants a spec or a refusal of any YAML.
func FuzzSidecar(f *testing.F) {
	f.Add([]byte(goodYAML))
	f.Add([]byte("size: [.nan, .inf]\nmean: []\nstd: [[1]]\nchannel: -1\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := parseSidecar(text)
		if err != nil {
			return
		}
		if spec, err := s.spec(fuzzGraph); err == nil && (spec.ID == "" || spec.Codec == nil || len(spec.Codec.Before) != 1) {
			t.Errorf("taken: %+v", spec)
		}
	})
}
