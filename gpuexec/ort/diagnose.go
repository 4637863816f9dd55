package ort

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"strings"
	"time"
)

// probeVariable holds the request of a process that is to be the probe.
const probeVariable = "SEGHUB_GPU_PROBE"

// probeWithin is how long the probe may take. The first use of a GPU after a new driver compiles kernels, and may find the
// libraries on a slow disk; a working one is there in a few seconds.
var probeWithin = 2 * time.Minute

// probeRequest is what a probe is asked.
type probeRequest struct {
	Library string   // ONNX Runtime's file
	GPU     int      // its number, or noGPU
	Models  []string `json:",omitempty"` // files to be tried on the CPU, where GPU is noGPU
}

// noGPU asks for ONNX Runtime alone.
const noGPU = -1

// A program that links this package is its own probe: started with probeVariable set, it does what it says and ends, before
// main. So every command has a probe, and so has every test, without one of them having to offer it.
func init() {
	if request := os.Getenv(probeVariable); request != "" {
		os.Exit(beProbe(request))
	}
}

// Diagnose finds out whether models can run on GPU number gpu with the ONNX Runtime library, DefaultLibrary when it is empty. It
// loads what they need and runs one convolution, in a process of its own: a broken CUDA may end the process that tries it, or
// never come back, and what it has loaded stays. What the convolution computes is not looked at.
func Diagnose(ctx context.Context, library string, gpu int) Diagnosis {
	if library == "" {
		library = DefaultLibrary()
	}
	return diagnose(ctx, probeRequest{Library: library, GPU: gpu})
}

// DiagnoseCPU finds out whether the ONNX Runtime library loads, in the same way; Works and what is about a GPU stay empty.
func DiagnoseCPU(ctx context.Context, library string) Diagnosis {
	return Diagnose(ctx, library, noGPU)
}

// TryModels loads each model and runs it once, on the CPU and in a process of its own, as a hub does when it starts. It returns, by path, why models
// cannot be used: of none, where the library, DefaultLibrary when it is empty, does not load.
func TryModels(ctx context.Context, library string, paths []string) (refused map[string]string) {
	if library == "" {
		library = DefaultLibrary()
	}
	refused = make(map[string]string)
	for len(paths) > 0 && ctx.Err() == nil {
		found := diagnose(ctx, probeRequest{Library: library, GPU: noGPU, Models: paths})
		maps.Copy(refused, found.Refused)
		tried := min(found.Tried, len(paths))
		if found.Version == "" || found.Problem == "" {
			return refused
		}
		if tried > 0 { // the last of them has ended the process
			refused[paths[tried-1]] = found.Problem
		}
		paths = paths[max(1, tried):]
	}
	return refused
}

func diagnose(ctx context.Context, request probeRequest) Diagnosis {
	d := Diagnosis{Library: request.Library, Step: "start the probe"}
	ctx, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	if err := runProbe(ctx, request, &d); err != nil {
		d.Works = false
		d.Problem = fmt.Sprintf("the probe ended while trying to %s: %s", d.Step, err)
		d.Remedy = "nvidia-smi must show the GPU without an error, and the libraries must be of CUDA 13"
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			d.Problem = fmt.Sprintf("the probe did not come back within %s, while trying to %s", probeWithin, d.Step)
			d.Remedy = "restart the machine if nvidia-smi does not come back either"
		}
	}
	return d
}

// runProbe keeps in d the last that the probe has written of it. The error is that of a probe that did not end as it should.
func runProbe(ctx context.Context, request probeRequest, d *Diagnosis) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	encoded, err := json.Marshal(request)
	if err != nil {
		return err
	}
	// Not its standard output, to which a library may write.
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	defer reader.Close()
	var said lastBytes
	probe := exec.CommandContext(ctx, program)
	probe.Env = append(os.Environ(), probeVariable+"="+string(encoded))
	probe.ExtraFiles = []*os.File{writer} // its descriptor 3
	probe.Stderr = &said
	probe.WaitDelay = time.Second
	err = probe.Start()
	_ = writer.Close() // the probe has its own
	if err != nil {
		return err
	}
	for reports := json.NewDecoder(reader); err == nil; {
		err = reports.Decode(d)
	}
	if ended := probe.Wait(); ended != nil {
		if why := said.summary(); why != nil {
			return fmt.Errorf("%w: %w", ended, why)
		}
		return ended
	}
	if !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// lastBytes keeps the end of what is written to it.
type lastBytes struct{ kept []byte }

func (l *lastBytes) Write(p []byte) (int, error) {
	const most = 64 << 10 // a crash of a Go program ends with its goroutines
	l.kept = append(l.kept, p...)
	l.kept = l.kept[max(0, len(l.kept)-most):]
	return len(p), nil
}

// summary is what the process said last before it died, in one line, as an error; nil when it said nothing.
func (l *lastBytes) summary() error {
	const most = 300
	said, _, _ := strings.Cut(string(l.kept), "\nPC=") // where Go goes on with registers
	said = strings.Join(strings.Fields(said), " ")
	if said == "" {
		return nil
	}
	return errors.New(strings.ToValidUTF8(said[max(0, len(said)-most):], ""))
}
