// Package cudatest is a CUDA without a GPU, for tests: C libraries with the names of the CUDA runtime, cuBLAS, cuDNN, cuRAND and
// the driver, on which the real CUDA provider of ONNX Runtime loads and runs. They compute nothing, but write down what they are
// asked and fail where a test wants them to. So tests can look at what is done on which stream and thread, what is allocated, when a
// convolution's plan is built, and what becomes of an error; never at a number that a model computes, nor at time.
//
//	Child -> cc, once -> folder with the libraries, a log, a control file
//	           |
//	           +-- the same test in a process of its own, on them: Set changes the control file, Log reads the log
//
// LD_LIBRARY_PATH is read when a process starts, and a poisoned stand-in stays poisoned: hence the process of its own.
package cudatest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// Library is the name under which one of the stand-in's libraries is loaded.
type Library string

// The libraries that ONNX Runtime 1.29's CUDA provider is linked to, or loads.
const (
	Runtime Library = "libcudart.so.13"
	BLAS    Library = "libcublas.so.13"
	BLASLt  Library = "libcublasLt.so.13"
	DNN     Library = "libcudnn.so.9"
	Random  Library = "libcurand.so.10"
	Driver  Library = "libcuda.so.1"
)

// StandIn is a folder with the libraries, the log of the processes that run on them, and the control file.
type StandIn struct {
	folder string
}

// What the libraries read from the environment, and the mark of a child process.
const (
	logVariable     = "CUDA_STANDIN_LOG"
	controlVariable = "CUDA_STANDIN_CONTROL"
	childVariable   = "CUDA_STANDIN_CHILD"
)

// Open makes a stand-in with all libraries but those that are left out. The test is skipped where none can be built.
func Open(t testing.TB, without ...Library) *StandIn {
	t.Helper()
	built, err := build(t.Context())
	if errors.Is(err, errNoCompiler) {
		t.Skipf("left out: CUDA: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &StandIn{folder: t.TempDir()}
	for _, source := range sources {
		if slices.Contains(without, source.library) {
			continue
		}
		if err := os.Symlink(filepath.Join(built, string(source.library)), filepath.Join(s.folder, string(source.library))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(s.log(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *StandIn) log() string     { return filepath.Join(s.folder, "log") }
func (s *StandIn) control() string { return filepath.Join(s.folder, "control") }

// Environ is what a process has to have in its environment to run on the stand-in.
func (s *StandIn) Environ() []string {
	path := s.folder
	if before := os.Getenv("LD_LIBRARY_PATH"); before != "" {
		path += string(os.PathListSeparator) + before
	}
	return []string{
		"LD_LIBRARY_PATH=" + path,
		logVariable + "=" + s.log(),
		controlVariable + "=" + s.control(),
	}
}

// Log reads what was asked of the stand-in until now.
func (s *StandIn) Log(t testing.TB) Log {
	t.Helper()
	text, err := os.ReadFile(s.log())
	if err != nil {
		t.Fatal(err)
	}
	log, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// Await waits until the log has what is wanted.
func (s *StandIn) Await(t testing.TB, wanted func(Log) bool) {
	t.Helper()
	const limit = time.Minute
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for end := time.After(limit); !wanted(s.Log(t)); {
		select {
		case <-ticker.C:
		case <-end:
			t.Fatalf("the stand-in was not asked for what was waited for within %v", limit)
		}
	}
}

// Set has the libraries, in whatever process they are loaded, do as settings say from their next call on.
func (s *StandIn) Set(t testing.TB, settings Settings) {
	t.Helper()
	if err := s.set(settings); err != nil {
		t.Fatal(err)
	}
}

func (s *StandIn) set(settings Settings) error {
	// The libraries know a new file by its time, and some file systems count that in hundredths of a second.
	now := time.Now()
	if before, err := os.Stat(s.control()); err == nil && !now.After(before.ModTime().Add(time.Microsecond)) {
		now = before.ModTime().Add(time.Microsecond)
	}
	part := s.control() + ".part"
	if err := os.WriteFile(part, []byte(settings.String()), 0o600); err != nil {
		return fmt.Errorf("set the stand-in: %w", err)
	}
	if err := os.Chtimes(part, now, now); err != nil {
		return fmt.Errorf("set the stand-in: %w", err)
	}
	if err := os.Rename(part, s.control()); err != nil {
		return fmt.Errorf("set the stand-in: %w", err)
	}
	return nil
}
