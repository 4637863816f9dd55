package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"seghub/models"
)

// models reads every model of the folder, and runs it, as `serve` does.
func (d *Doctor) models(ctx context.Context) []Finding {
	folder := d.Config.Models
	entries, err := os.ReadDir(folder)
	if err != nil {
		return []Finding{{Bad, "models folder", err.Error(), "set SEGHUB_MODELS to the folder with the .onnx files, or run the hub from the folder that has models/weights"}}
	}
	var findings []Finding
	files := make(map[string]string) // by id
	var specs []models.Spec
	for _, entry := range entries {
		name := entry.Name()
		if !models.IsModelName(name) {
			continue
		}
		spec, err := models.ReadSpec(filepath.Join(folder, name))
		if err == nil && files[spec.ID] != "" {
			err = fmt.Errorf("its id %s is that of %s", spec.ID, files[spec.ID])
		}
		if err != nil {
			findings = append(findings, Finding{Doubtful, "model " + name, err.Error(), "the hub does without it: replace it, or take it away"})
			continue
		}
		files[spec.ID] = name
		specs = append(specs, spec)
	}
	tried, usable := d.tryModels(ctx, specs)
	findings = append(findings, tried...)
	switch {
	case len(files) == 0:
		findings = append(findings, Finding{Bad, "models folder", folder + " has no model: every upload would be refused", "put an .onnx file there, or set SEGHUB_MODELS"})
	case usable == 0:
		findings = append(findings, Finding{Bad, "models folder", folder + " has no model that can be used: `serve` would end", "put another there, or set SEGHUB_MODELS"})
	}
	for _, id := range d.Config.Warm {
		if files[id] == "" {
			findings = append(findings, Finding{Bad, "model " + id, "SEGHUB_WARM names it, and the folder does not have it", "correct SEGHUB_WARM, or put the model there"})
		}
	}
	slices.SortStableFunc(findings, func(a, b Finding) int { return int(a.Verdict - b.Verdict) })
	return findings
}

// tryModels has ONNX Runtime run each model, and counts those that can be used.
func (d *Doctor) tryModels(ctx context.Context, specs []models.Spec) (findings []Finding, usable int) {
	if len(specs) == 0 {
		return nil, 0
	}
	var paths []string
	for _, spec := range specs {
		paths = append(paths, spec.Path)
	}
	refused := d.TryModels(ctx, d.Config.ORTLibrary, paths)
	for _, spec := range specs {
		if why, is := refused[spec.Path]; is {
			f := Finding{Doubtful, "model " + spec.ID, why, "the hub does without it: replace it, or take it away"}
			if slices.Contains(d.Config.Warm, spec.ID) {
				f.Verdict, f.Remedy = Bad, "SEGHUB_WARM names it: replace it, or correct SEGHUB_WARM"
			}
			findings = append(findings, f)
			continue
		}
		usable++
		findings = append(findings, Finding{Good, "model " + spec.ID, fmt.Sprintf("version %s, %s, %s", spec.Content(), spec.Precision, size(uint64(spec.SizeBytes))), ""})
	}
	return findings, usable
}

// batchTable looks at the table that was measured on device, if there is one.
func (d *Doctor) batchTable(device string) []Finding {
	const subject = "batch table"
	_, err := models.ReadBatches(d.Config.Models, device)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // the defaults do
	case errors.Is(err, models.ErrOtherDevice):
		return []Finding{{Doubtful, subject, err.Error(), "the hub takes its defaults: run `seghub tune` on this machine"}}
	case err != nil:
		return []Finding{{Doubtful, subject, err.Error(), "the hub takes its defaults: run `seghub tune`, or take the file away"}}
	}
	return []Finding{{Good, subject, "it was measured on this " + device, ""}}
}
