package cudatest

import (
	"errors"
	"os"
	"runtime"
	"slices"
	"testing"

	"github.com/ebitengine/purego"

	"seghub/gpuexec/cuda"
)

func open(t *testing.T) *cuda.Runtime {
	t.Helper()
	r, err := cuda.Open()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// code returns the CUDA runtime's number of err; 0 of none.
func code(err error) int {
	var failure *cuda.Error
	if errors.As(err, &failure) {
		return int(failure.Code)
	}
	return 0
}

func TestCallsAreWrittenDown(t *testing.T) {
	Child(t, Settings{Devices: 2, Memory: 1000 << 20, Others: 200 << 20}, func(t *testing.T, s *StandIn) {
		r := open(t)
		if n, err := r.Devices(); n != 2 || err != nil {
			t.Errorf("Devices() = %d, %v", n, err)
		}
		if err := r.UseDevice(1); err != nil {
			t.Error(err)
		}
		if err := r.UseDevice(2); code(err) != 101 {
			t.Errorf("UseDevice(2) = %v", err)
		}
		stream, err := r.NewStream()
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Destroy(stream); err != nil {
			t.Error(err)
		}
		if err := r.Destroy(stream); code(err) != 400 {
			t.Errorf("destroyed once more: %v", err)
		}
		if free, total, err := r.Memory(); free != 800<<20 || total != 1000<<20 || err != nil {
			t.Errorf("Memory() = %d, %d, %v", free, total, err)
		}
		log := s.Log(t)
		want := []string{"start", "cudaGetDeviceCount", "cudaSetDevice", "cudaSetDevice", "cudaStreamCreateWithFlags", "cudaStreamDestroy", "cudaStreamDestroy"}
		var got []string
		for _, record := range log {
			got = append(got, record.Call)
		}
		if !slices.Equal(got, want) {
			t.Errorf("the log has %q, want %q", got, want)
		}
		if made := log[4]; made.Process != os.Getpid() || made.Stream != Stream(stream) || made.Code != 0 {
			t.Errorf("%+v", made)
		}
		if failed := log.Failed(); len(failed) != 2 || failed[0].Code != 101 || failed[1].Code != 400 {
			t.Errorf("the log has %+v for failed", failed)
		}
	})
}

func TestFaultsAreThoseAskedFor(t *testing.T) {
	settings := Settings{Faults: []Fault{{Call: "cudaGetDeviceCount", Code: InsufficientDriver, After: 1, Times: 2}}}
	Child(t, settings, func(t *testing.T, s *StandIn) {
		r := open(t)
		for i, want := range []int{0, InsufficientDriver, InsufficientDriver, 0, 0} {
			if _, err := r.Devices(); code(err) != want {
				t.Errorf("call %d is answered %v, want %d", i, err, want)
			}
		}
		s.Set(t, Settings{Faults: []Fault{{Call: "cudaGet*", Code: NoDevice}}})
		if _, err := r.Devices(); code(err) != NoDevice {
			t.Errorf("after the settings changed: %v", err)
		}
		s.Set(t, Settings{})
		if _, err := r.Devices(); err != nil {
			t.Errorf("after they were taken back: %v", err)
		}
	})
}

func TestAPoisonedContextStaysSo(t *testing.T) {
	Child(t, Settings{}, func(t *testing.T, s *StandIn) {
		r := open(t)
		s.Set(t, Settings{Faults: []Fault{{Call: "cudaMemGetInfo", Code: IllegalAddress}}})
		if _, err := r.NewStream(); err != nil {
			t.Error(err)
		}
		if _, _, err := r.Memory(); code(err) != IllegalAddress {
			t.Errorf("Memory() = %v", err)
		}
		s.Set(t, Settings{})
		if _, err := r.NewStream(); code(err) != IllegalAddress {
			t.Errorf("NewStream() = %v", err)
		}
	})
}

// another calls the CUDA runtime as ONNX Runtime does: it leaves what has failed on the thread, where package cuda takes it off.
func another(t *testing.T) (memGetInfo func(free, total *uintptr) int32) {
	t.Helper()
	handle, err := purego.Dlopen(string(Runtime), purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		t.Fatal(err)
	}
	purego.RegisterLibFunc(&memGetInfo, handle, "cudaMemGetInfo")
	return memGetInfo
}

// The last error is what a call has left on the thread, and nothing that a poisoned context fills in.
func TestTheLastErrorIsTheThreads(t *testing.T) {
	Child(t, Settings{}, func(t *testing.T, s *StandIn) {
		r := open(t)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		s.Set(t, Settings{Faults: []Fault{{Call: "cudaMemGetInfo", Code: IllegalAddress}}})
		var free, total uintptr
		if got := another(t)(&free, &total); got != IllegalAddress {
			t.Errorf("cudaMemGetInfo() = %d", got)
		}
		if err := r.PeekAtLastError(); code(err) != IllegalAddress {
			t.Errorf("PeekAtLastError() = %v", err)
		}
		other := make(chan error)
		go func() {
			runtime.LockOSThread() // the thread ends with the goroutine
			other <- r.PeekAtLastError()
		}()
		if err := <-other; err != nil {
			t.Errorf("on another thread: %v", err)
		}
	})
}

func TestAHangEndsWhenTheSettingsChange(t *testing.T) {
	Child(t, Settings{Faults: []Fault{{Call: "cudaGetDeviceCount", Hang: true, Times: 1}}}, func(t *testing.T, s *StandIn) {
		r := open(t)
		returned := make(chan error)
		go func() {
			_, err := r.Devices()
			returned <- err
		}()
		s.Await(t, func(log Log) bool { return len(log) > 0 && log[len(log)-1].Hangs })
		if _, err := r.Devices(); err != nil { // one at a time
			t.Error(err)
		}
		select {
		case err := <-returned:
			t.Errorf("it did not hang: %v", err)
		default:
		}
		s.Set(t, Settings{})
		if err := <-returned; err != nil {
			t.Error(err)
		}
	})
}

func TestALibraryIsLeftOut(t *testing.T) {
	Child(t, Settings{}, func(t *testing.T, _ *StandIn) {
		if _, err := cuda.Open(); !errors.Is(err, cuda.ErrAbsent) {
			t.Errorf("Open() = %v", err)
		}
	}, Runtime)
}

func TestWhatALogSays(t *testing.T) {
	log, err := parse([]byte(`7 8 start 0
7 8 cudaMalloc 0 bytes=100 address=0x7f00 held=4096
7 9 cudaLaunchKernel 0 stream=0x57000000 kernel=_Z3add
7 9 cudaLaunchKernel 0 stream=0 kernel=_Z3add
7 9 cudaMemcpyAsync 700 bytes=5 kind=1 stream=0x57000001
7 8 cudaMalloc 2 bytes=100 address=(nil) held=4096
7 8 cudaFree 0 bytes=4096 address=0x7f00 held=0
7 8 cudnnBuildPlan 0
7 8 cudaStreamSynchronize 0 stream=0x57000000
17 18 start 0
17 18 cudaMalloc 0 bytes=100 address=0x7f00 held=8192
17 18 cudaMall`))
	if err != nil {
		t.Fatal(err)
	}
	if log.Held() != 8192 || log.Peak() != 8192 || log.Of(7).Held() != 0 || log.Of(7).Peak() != 4096 {
		t.Errorf("held %d, at most %d; by process 7 %d, at most %d", log.Held(), log.Peak(), log.Of(7).Held(), log.Of(7).Peak())
	}
	if log.Plans() != 1 || log.Launches() != 2 || log.Syncs() != 1 || len(log.Allocations()) != 3 || len(log.Frees()) != 1 {
		t.Errorf("counted wrongly:\n%v", log)
	}
	if streams := log.StreamsOfThreads(); len(streams) != 1 || !slices.Equal(streams[9], []Stream{0x57000000, 0, 0x57000001}) {
		t.Errorf("the threads' streams are %v", streams)
	}
	if null := log.OnNullStream(); len(null) != 1 || null[0].Kernel != "_Z3add" {
		t.Errorf("on the NULL stream is %+v", null)
	}
	if failed := log.Failed(); len(failed) != 2 || failed[0].Code != IllegalAddress || failed[1].Bytes != 100 {
		t.Errorf("failed are %+v", failed)
	}
	if processes := log.Processes(); !slices.Equal(processes, []int{7, 17}) {
		t.Errorf("the processes are %v", processes)
	}
}

func TestALogThatIsNoneIsRefused(t *testing.T) {
	for _, text := range []string{"\n", "7 8 cudaFree\n", "7 x cudaFree 0\n", "7 8 cudaMalloc 0 bytes=many\n", "7 8 cudaFree 0 stream=0xg\n"} {
		if log, err := parse([]byte(text)); err == nil {
			t.Errorf("%q is read as %+v", text, log)
		}
	}
}
