package doctor

import (
	"context"
	"fmt"
	"os"
	"runtime"

	"seghub/gpuexec"
	"seghub/gpuexec/nvml"
	"seghub/gpuexec/ort"
)

// runtime looks at what models run on, and at the batch table that was measured on it.
func (d *Doctor) runtime(ctx context.Context) []Finding {
	library := d.Config.ORTLibrary
	if library == "" {
		library = ort.DefaultLibrary()
	}
	if _, err := os.Stat(library); err != nil {
		return []Finding{{Bad, "ONNX Runtime", err.Error(), "run `make runtime`, or set SEGHUB_ORT_LIBRARY to where yours is"}}
	}
	if d.Config.Device == gpuexec.CPU {
		found := d.DiagnoseCPU(ctx, library)
		if found.Version == "" {
			return []Finding{ofLibrary(found)}
		}
		return append([]Finding{ofLibrary(found), d.onCPU(Good, "SEGHUB_DEVICE is cpu")}, d.batchTable(found.DeviceName())...)
	}
	gpu, must := 0, Doubtful
	if d.Config.Device != "auto" {
		var err error
		if gpu, err = ort.GPUIndex(d.Config.Device); err != nil {
			return []Finding{{Bad, "device", err.Error(), "set SEGHUB_DEVICE to one of them"}}
		}
		must = Bad
	}
	found := d.Diagnose(ctx, library, gpu)
	if found.Version == "" {
		return []Finding{ofLibrary(found)} // nothing more was looked at
	}
	findings := append([]Finding{ofLibrary(found)}, ofGPU(found, must)...)
	switch {
	case found.Works:
		findings = append(findings, d.memory(found.GPU))
	case must == Doubtful:
		findings = append(findings, d.onCPU(Doubtful, "no GPU can be used"))
	}
	return append(findings, d.batchTable(found.DeviceName())...)
}

// ofLibrary is the line of ONNX Runtime itself.
func ofLibrary(found ort.Diagnosis) Finding {
	if found.Version == "" {
		return Finding{Bad, "ONNX Runtime", fmt.Sprintf("%s: %s", found.Library, found.Problem), "run `make runtime`, or set SEGHUB_ORT_LIBRARY to another"}
	}
	return Finding{Good, "ONNX Runtime", fmt.Sprintf("%s, %s", found.Version, found.Library), ""}
}

// ofGPU is the lines of all that a GPU needs. What is missing is must.
func ofGPU(found ort.Diagnosis, must Verdict) []Finding {
	var findings []Finding
	looked := len(found.Missing) > 0 || found.CUDA > 0 // at the parts: the probe did not end before
	driver, libraries, provider := found.Missing.Parted()
	for _, part := range []struct {
		subject, good string
		missing       ort.Lacking
	}{
		{"NVIDIA driver", driverSays(found), driver},
		{"CUDA libraries", "cudart, cuBLAS, cuDNN and cuRAND load", libraries},
		{"CUDA provider", "it is beside ONNX Runtime", provider},
	} {
		if len(part.missing) > 0 {
			findings = append(findings, Finding{must, part.subject, "this machine lacks " + part.missing.String(), part.missing.Remedy()})
		} else if looked {
			findings = append(findings, Finding{Good, part.subject, part.good, ""})
		}
	}
	if found.GPU.Name != "" {
		findings = append(findings, Finding{Good, "GPU", found.GPU.String(), ""})
	}
	switch {
	case found.Works:
		findings = append(findings, Finding{Good, "probe", "a convolution ran on it", ""})
	case found.Problem != "":
		subject := "GPU"
		if found.GPU.Name != "" {
			subject = "probe"
		}
		findings = append(findings, Finding{must, subject, found.Problem, found.Remedy})
	}
	return findings
}

func driverSays(found ort.Diagnosis) string {
	if found.Driver == 0 {
		return "it loads"
	}
	return fmt.Sprintf("it runs CUDA up to %s; the runtime is %s", found.Driver, found.CUDA)
}

// memory is the line of what NVML says of the GPU.
func (d *Doctor) memory(gpu ort.GPU) Finding {
	const subject = "GPU memory"
	usage, err := d.Usage(gpu.PCIBusID)
	if err != nil {
		return Finding{Doubtful, subject, "NVML does not tell of it: " + err.Error(),
			"install the driver's libnvidia-ml.so.1; without it the hub asks CUDA, which knows neither how busy nor how hot the GPU is"}
	}
	says := fmt.Sprintf("%s of %s in use", size(usage.UsedBytes), size(usage.TotalBytes))
	if usage.TemperatureC != nvml.Unknown {
		says += fmt.Sprintf(", %d °C", usage.TemperatureC)
	}
	return Finding{Good, subject, says, ""}
}

// onCPU is the line that says that models run on the CPU, and why.
func (d *Doctor) onCPU(verdict Verdict, why string) Finding {
	slots := max(1, d.Config.Slots) // what is wrong with it is said elsewhere
	return Finding{verdict, "device", fmt.Sprintf("models run on the CPU, for %s: %s with %s each, on %s",
		why, count(slots, "worker"), count(ort.CPUThreads(slots), "thread"), count(runtime.GOMAXPROCS(0), "core")), ""}
}

func count(n int, of string) string {
	if n != 1 {
		of += "s"
	}
	return fmt.Sprintf("%d %s", n, of)
}
