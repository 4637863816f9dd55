package cudatest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Record is one call.
type Record struct {
	Process, Thread int
	Call            string
	Code            int // that it answered
	Bytes           uint64
	Held            uint64 // device memory of the process after an allocation or a free
	Stream          Stream
	Kernel          string // mangled, of a launch
	Hangs           bool
}

// Stream is what a call's work was put on; NoStream where the call has no such argument.
type Stream int64

// Streams that nobody made.
const (
	NoStream   Stream = -1
	NullStream Stream = 0
)

// Log is what was asked of a stand-in, in its order. A part of it, as log[n:], is what was asked meanwhile.
type Log []Record

// The calls that tell of themselves.
const (
	allocate   = "cudaMalloc"
	deallocate = "cudaFree"
	buildPlan  = "cudnnBuildPlan"
	launch     = "cudaLaunchKernel"
)

// Of returns the records of one process.
func (l Log) Of(process int) Log { return l.where(func(r Record) bool { return r.Process == process }) }

// Calls returns the records of a call, or, where call ends with "*", of all that begin so.
func (l Log) Calls(call string) Log {
	prefix, many := strings.CutSuffix(call, "*")
	return l.where(func(r Record) bool { return r.Call == call || many && strings.HasPrefix(r.Call, prefix) })
}

// Failed returns the records of calls that failed.
func (l Log) Failed() Log { return l.where(func(r Record) bool { return r.Code != 0 }) }

// Work returns what was put on a stream: kernels, convolutions, products, copies.
func (l Log) Work() Log {
	return l.where(func(r Record) bool { return r.Stream != NoStream && !strings.HasPrefix(r.Call, "cudaStream") })
}

// OnNullStream returns the work that waits for that of all streams, and they for it.
func (l Log) OnNullStream() Log {
	const legacy = 1 // cudaStreamLegacy
	return l.Work().where(func(r Record) bool { return r.Stream == NullStream || r.Stream == legacy })
}

// StreamsOfThreads returns the streams on which each thread put work.
func (l Log) StreamsOfThreads() map[int][]Stream {
	streams := make(map[int][]Stream)
	for _, r := range l.Work() {
		if !slices.Contains(streams[r.Thread], r.Stream) {
			streams[r.Thread] = append(streams[r.Thread], r.Stream)
		}
	}
	return streams
}

// Plans counts the plans of convolutions that were built.
func (l Log) Plans() int { return len(l.Calls(buildPlan)) }

// Launches counts the kernels that were launched, those of cuDNN and cuBLAS not among them.
func (l Log) Launches() int { return len(l.Calls(launch)) }

// Allocations returns those of device memory, those that failed among them.
func (l Log) Allocations() Log { return l.Calls(allocate) }

// Frees returns those of device memory.
func (l Log) Frees() Log { return l.Calls(deallocate) }

// Syncs counts how often a thread waited for a stream, an event or the device.
func (l Log) Syncs() int {
	return len(l.where(func(r Record) bool { return strings.HasSuffix(r.Call, "Synchronize") }))
}

// Held returns the bytes of device memory that are allocated after the last record, in all processes that still were there.
func (l Log) Held() uint64 { held, _ := l.memory(); return held }

// Peak returns the most bytes that were allocated at a time.
func (l Log) Peak() uint64 { _, peak := l.memory(); return peak }

func (l Log) memory() (held, peak uint64) {
	processes := make(map[int]uint64)
	for _, r := range l {
		if r.Call == allocate || r.Call == deallocate {
			held += r.Held - processes[r.Process]
			processes[r.Process] = r.Held
			peak = max(peak, held)
		}
	}
	return held, peak
}

// Processes returns the processes that loaded the stand-in, in their order.
func (l Log) Processes() []int {
	var processes []int
	for _, r := range l.Calls("start") {
		processes = append(processes, r.Process)
	}
	return processes
}

// String counts the calls by name, for a test's message.
func (l Log) String() string {
	counts := make(map[string]int)
	for _, r := range l {
		counts[r.Call]++
	}
	var text strings.Builder
	for _, call := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&text, "%s %d\n", call, counts[call])
	}
	return text.String()
}

func (l Log) where(keep func(Record) bool) Log {
	var kept Log
	for _, r := range l {
		if keep(r) {
			kept = append(kept, r)
		}
	}
	return kept
}

// parse reads the lines of a log; standin.h describes them. A last line without its end is one that is just being written.
func parse(text []byte) (Log, error) {
	var log Log
	for line := range strings.Lines(string(text)) {
		if !strings.HasSuffix(line, "\n") {
			break
		}
		r, err := parseRecord(line)
		if err != nil {
			return nil, fmt.Errorf("the stand-in's log: line %d, %q: %w", len(log)+1, line, err)
		}
		log = append(log, r)
	}
	return log, nil
}

func parseRecord(line string) (Record, error) {
	fields := strings.Fields(line)
	if len(fields) < 4 {
		return Record{}, fmt.Errorf("%d fields", len(fields))
	}
	r := Record{Call: fields[2], Stream: NoStream}
	var err error
	for i, into := range []*int{0: &r.Process, 1: &r.Thread, 3: &r.Code} {
		if into == nil {
			continue
		}
		if *into, err = strconv.Atoi(fields[i]); err != nil {
			return Record{}, err
		}
	}
	for _, field := range fields[4:] {
		key, value, _ := strings.Cut(field, "=")
		switch key {
		case "bytes":
			r.Bytes, err = strconv.ParseUint(value, 10, 64)
		case "held":
			r.Held, err = strconv.ParseUint(value, 10, 64)
		case "stream":
			var stream int64
			stream, err = strconv.ParseInt(value, 0, 64)
			r.Stream = Stream(stream)
		case "kernel":
			r.Kernel = value
		case "hangs":
			r.Hangs = true
		}
		if err != nil {
			return Record{}, err
		}
	}
	return r, nil
}
