package cudatest

import (
	"fmt"
	"strings"
	"time"
)

// Settings are what the cards are like and which calls fail. The zero value is one card of 24 GiB on which everything succeeds.
type Settings struct {
	Memory    uint64        // bytes of each card; 24 GiB
	Others    uint64        // bytes of that, other programs have
	Devices   int           // how many cards; 1
	Workspace uint64        // bytes that each plan of a convolution asks for
	Launch    time.Duration // for which the work of one launch keeps its stream busy
	Signals   bool          // building a plan puts a handler for SIGUSR2 in place of the program's, as CUDA may for others
	Faults    []Fault       // of those that match a call the first that has an answer left counts
}

// Fault is what a call answers instead of doing its work.
//
// Call is a C function, or how several begin and then "*". All ways to launch a kernel are "cudaLaunchKernel", and what finalises a
// plan of cuDNN is "cudnnBuildPlan". After one of the codes that poison a context, all of the process's later calls fail; given to a
// call of cuDNN or cuBLAS, it is an error of an earlier kernel that this call is the first to hear of.
type Fault struct {
	Call  string
	Code  int  // in the library's own numbers, or one that poisons
	Hang  bool // instead of failing, the call does not return until the settings change
	After int  // so many calls succeed first
	Times int  // so many fail or hang; 0 for all
}

// Codes of the CUDA runtime (cudaError_t).
const (
	OutOfMemory        = 2
	InsufficientDriver = 35
	NoDevice           = 100
	NoKernelImage      = 209
	IllegalAddress     = 700 // poisons the context
	LaunchFailure      = 719 // poisons the context
)

// Codes of cuBLAS (cublasStatus_t).
const (
	BLASAllocFailed     = 3
	BLASExecutionFailed = 13
)

// Codes of cuDNN 9 (cudnnStatus_t).
const (
	DNNInternalError          = 4000
	DNNHostAllocationFailed   = 4003
	DNNDeviceAllocationFailed = 4004
	DNNExecutionFailed        = 5000
)

// String is the text of the control file; standin.h describes it.
func (s Settings) String() string {
	var text strings.Builder
	for _, setting := range []struct {
		name  string
		value uint64
	}{
		{"memory", s.Memory},
		{"others", s.Others},
		{"devices", uint64(s.Devices)},
		{"workspace", s.Workspace},
		{"launch", uint64(s.Launch.Microseconds())},
	} {
		if setting.value != 0 {
			fmt.Fprintln(&text, setting.name, setting.value)
		}
	}
	if s.Signals {
		fmt.Fprintln(&text, "signals 1")
	}
	for _, f := range s.Faults {
		if f.Hang {
			fmt.Fprint(&text, "hang ", f.Call)
		} else {
			fmt.Fprint(&text, "fail ", f.Call, " ", f.Code)
		}
		if f.After > 0 {
			fmt.Fprint(&text, " after ", f.After)
		}
		if f.Times > 0 {
			fmt.Fprint(&text, " times ", f.Times)
		}
		fmt.Fprintln(&text)
	}
	return text.String()
}
