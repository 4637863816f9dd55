// Package doctor looks at everything that `seghub serve` needs, with the settings that it would have, and says of each thing in
// one line what was found and what to do about it. It changes nothing: what it has to write to find out, it takes away again.
//
//	settings   address, sockets   data folder, disk, rights, storage   Redis   models   ONNX Runtime, GPU, batch table
package doctor

import (
	"context"

	"github.com/shirou/gopsutil/v4/disk"

	"seghub/app/config"
	"seghub/gpuexec/nvml"
	"seghub/gpuexec/ort"
)

// Verdict is how well a thing is.
type Verdict int

// The verdicts, from best to worst.
const (
	Good     Verdict = iota
	Doubtful         // `serve` works, but not as somebody may expect
	Bad              // `serve` would not work
)

// Finding is what was found of one thing.
type Finding struct {
	Verdict Verdict
	Subject string
	Says    string // what is so
	Remedy  string // what to do about it; empty when nothing is to be done
}

// Doctor looks at a machine through what a test may replace.
type Doctor struct {
	Config  config.Config
	Unknown error // what is wrong with the names of the settings, nil if nothing

	// FreeSpace is how many bytes may still be written on the disk of a folder.
	FreeSpace func(folder string) (uint64, error)
	// OpenFiles is how many files this process may have open.
	OpenFiles func() (uint64, error)
	// Diagnose is ort.Diagnose, and for the CPU ort.DiagnoseCPU.
	Diagnose    func(ctx context.Context, library string, gpu int) ort.Diagnosis
	DiagnoseCPU func(ctx context.Context, library string) ort.Diagnosis
	// TryModels is ort.TryModels.
	TryModels func(ctx context.Context, library string, paths []string) map[string]string
	// Usage is what NVML says of the GPU at a PCI bus id.
	Usage func(pciBusID string) (nvml.Usage, error)
}

// New returns the doctor of this machine.
func New(cfg config.Config, unknown error) *Doctor {
	return &Doctor{
		Config: cfg, Unknown: unknown,
		FreeSpace: freeSpace, OpenFiles: openFiles, Diagnose: ort.Diagnose, DiagnoseCPU: ort.DiagnoseCPU, TryModels: ort.TryModels, Usage: gpuUsage,
	}
}

// Examine looks at everything, in the order in which it is best mended, and hands on each finding as it is made.
func (d *Doctor) Examine(ctx context.Context, found func(Finding)) {
	for _, look := range []func(context.Context) []Finding{
		d.settings, d.address, d.sockets, d.dataFolder, d.storage, d.redis, d.models, d.runtime,
	} {
		for _, f := range look(ctx) {
			found(f)
		}
	}
}

// settings looks at what was set before anything is done with it.
func (d *Doctor) settings(context.Context) []Finding {
	var findings []Finding
	if d.Unknown != nil {
		findings = append(findings, Finding{Bad, "settings", d.Unknown.Error(), "correct it, or unset it"})
	}
	if err := d.Config.Validate(); err != nil {
		findings = append(findings, Finding{Bad, "settings", err.Error(), "seghub serve --help says what each may be"})
	}
	if len(findings) == 0 {
		findings = append(findings, Finding{Good, "settings", "all are known and within their limits", ""})
	}
	return findings
}

func freeSpace(folder string) (uint64, error) {
	usage, err := disk.Usage(folder)
	if err != nil {
		return 0, err
	}
	return usage.Free, nil // to this user
}

func gpuUsage(pciBusID string) (nvml.Usage, error) {
	gpu, err := nvml.Open(pciBusID)
	if err != nil {
		return nvml.Usage{}, err
	}
	defer gpu.Close()
	return gpu.Usage()
}
