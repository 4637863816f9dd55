package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/alecthomas/kong"
	"go.uber.org/goleak"

	"seghub/app/config"
	"seghub/gpuexec/nvml"
	"seghub/gpuexec/ort"
	"seghub/models"
	"seghub/models/modeltest"
	"seghub/sessions/redisserver"
)

func TestMain(m *testing.M) {
	// A pool that could not dial tries again after a second, and sees only then that it was closed; so long goleak does not wait.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

// healthy is the doctor of a machine on which all is well, with a GPU, and the folder of its data.
func healthy(t *testing.T, args ...string) *Doctor {
	t.Helper()
	data, weights := filepath.Join(t.TempDir(), "data"), t.TempDir()
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := modeltest.Write(filepath.Join(weights, "test.onnx"), modeltest.Options{}); err != nil {
		t.Fatal(err)
	}
	library := filepath.Join(t.TempDir(), "libonnxruntime.so.1")
	if err := os.WriteFile(library, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var c config.Config
	parser, err := kong.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	args = append([]string{"--listen=127.0.0.1:0", "--redis=embedded", "--data=" + data, "--models=" + weights, "--ort-library=" + library}, args...)
	if _, err := parser.Parse(args); err != nil {
		t.Fatal(err)
	}
	d := New(c, nil)
	d.FreeSpace = func(string) (uint64, error) { return 50 << 30, nil }
	d.OpenFiles = func() (uint64, error) { return 1 << 20, nil }
	d.Diagnose = func(_ context.Context, library string, gpu int) ort.Diagnosis {
		found := working
		found.Library, found.GPU.Index = library, gpu
		return found
	}
	d.DiagnoseCPU = func(_ context.Context, library string) ort.Diagnosis {
		return ort.Diagnosis{Library: library, Version: "1.29.0"}
	}
	d.TryModels = func(context.Context, string, []string) map[string]string { return nil }
	d.Usage = func(string) (nvml.Usage, error) {
		return nvml.Usage{UsedBytes: 3 << 30, TotalBytes: 24 << 30, TemperatureC: 61}, nil
	}
	return d
}

// working is the diagnosis of a GPU that works.
var working = ort.Diagnosis{
	Version: "1.29.0", Driver: 13020, CUDA: 13000, GPUs: 1, Works: true,
	GPU: ort.GPU{Name: "NVIDIA RTX A5000", PCIBusID: "0000:65:00.0", Capability: "8.6", MemoryBytes: 24 << 30},
}

// expect checks findings against what is wanted of them: a verdict and a subject, then words of what they say, in order.
func expect(t *testing.T, findings []Finding, want ...string) {
	t.Helper()
	var got []string
	for _, f := range findings {
		got = append(got, fmt.Sprintf("%s %s: %s; %s", marks[f.Verdict], f.Subject, f.Says, f.Remedy))
		if f.Verdict != Good && f.Remedy == "" && f.Subject != "device" {
			t.Errorf("%s has no remedy", f.Subject)
		}
	}
	ok := len(got) == len(want)
	for i := 0; ok && i < len(want); i++ {
		beginning, words, _ := strings.Cut(want[i], ": ")
		ok = strings.HasPrefix(got[i], beginning+": ") && strings.Contains(got[i], words)
	}
	if !ok {
		t.Errorf("found\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func TestAHealthyMachine(t *testing.T) {
	d := healthy(t, "--device=cuda:0")
	before := tree(t, d.Config.Data)
	spec, err := models.ReadSpec(filepath.Join(d.Config.Models, "test.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	var findings []Finding
	d.Examine(t.Context(), func(f Finding) { findings = append(findings, f) })
	expect(t, findings,
		"✓ settings: known",
		"✓ address: 127.0.0.1:0 is free",
		"✓ open files: 1048576 may be",
		"✓ data folder: takes files",
		"✓ disk: 50.0 GiB is free",
		"✓ rights: closed to other users",
		"! Redis: embedded",
		"✓ model test: version "+spec.Content()+", ", // as receipts have it
		"✓ ONNX Runtime: 1.29.0, "+d.Config.ORTLibrary,
		"✓ NVIDIA driver: CUDA up to 13.2; the runtime is 13.0",
		"✓ CUDA libraries: load",
		"✓ CUDA provider: beside ONNX Runtime",
		"✓ GPU: cuda:0, NVIDIA RTX A5000, 24.0 GiB, compute capability 8.6, PCI 0000:65:00.0",
		"✓ probe: a convolution ran",
		"✓ GPU memory: 3.0 GiB of 24.0 GiB in use, 61 °C",
	)
	if after := tree(t, d.Config.Data); !slices.Equal(before, after) {
		t.Errorf("the data folder had %v, and has %v", before, after)
	}
}

// tree lists everything in folder.
func tree(t *testing.T, folder string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		paths = append(paths, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestSettings(t *testing.T) {
	d := healthy(t)
	d.Unknown = errors.New("unknown setting SEGHUB_TRUN")
	d.Config.Slots = 0
	expect(t, d.settings(t.Context()), "✗ settings: SEGHUB_TRUN", "✗ settings: slots must be")
}

func TestAddress(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	d := healthy(t)
	for listen, want := range map[string]string{
		taken.Addr().String(): "✗ address: is in use",
		"192.0.2.1:8080":      "✗ address: is not an address of this machine",
		"127.0.0.1:many":      "✗ address: many",
	} {
		d.Config.Listen = listen
		expect(t, d.address(t.Context()), want)
	}
}

func TestOpenFiles(t *testing.T) {
	d := healthy(t)
	d.OpenFiles = func() (uint64, error) { return 4096, nil }
	expect(t, d.sockets(t.Context()), "! open files: 4096 may be open at once, of which each of 20000 sockets is one; raise the limit to 20500")
	d.Config.MaxSockets = 1000
	expect(t, d.sockets(t.Context()), "✓ open files: 4096")
	d.OpenFiles = func() (uint64, error) { return 0, errors.New("no limits here") }
	expect(t, d.sockets(t.Context()), "! open files: no limits here")
	if most, err := openFiles(); err != nil || most == 0 {
		t.Errorf("really: %d, %v", most, err)
	}
}

func TestDataFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d := healthy(t)

	d.Config.Data = filepath.Join(t.TempDir(), "not", "yet")
	expect(t, d.dataFolder(t.Context()), "✓ data folder: will be made", "✓ disk: 50.0 GiB is free")
	if _, err := os.Stat(d.Config.Data); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it was made: %v", err)
	}
	for _, d.Config.Data = range []string{file, filepath.Join(file, "below")} {
		expect(t, d.dataFolder(t.Context()), "✗ data folder: "+file+" is a file")
	}
}

func TestAFolderThatTakesNoFiles(t *testing.T) {
	if _, err := os.Stat("/proc/self"); err != nil {
		t.Skip("left out: a folder that takes no files, not even root's: there is no /proc")
	}
	d := healthy(t)
	d.Config.Data = "/proc/self/seghub"
	expect(t, d.dataFolder(t.Context())[:1], "✗ data folder: does not take files")
}

func TestWhatToDoAboutAFolder(t *testing.T) {
	for err, want := range map[error]string{
		syscall.ENOSPC: "free space",
		syscall.EACCES: "chown",
		syscall.EROFS:  "set SEGHUB_DATA",
	} {
		if got := remedyOf(&fs.PathError{Op: "open", Path: "/data", Err: err}, "/data", "SEGHUB_DATA"); !strings.Contains(got, want) {
			t.Errorf("%v: %s", err, got)
		}
	}
}

func TestDisk(t *testing.T) {
	d := healthy(t)
	d.FreeSpace = func(string) (uint64, error) { return 300 << 20, nil }
	expect(t, []Finding{d.disk("/data")}, "✗ disk: 300.0 MiB is free where /data is; free some")
	d.FreeSpace = func(string) (uint64, error) { return 0, errors.New("no such disk") }
	expect(t, []Finding{d.disk("/data")}, "! disk: no such disk")
	if free, err := freeSpace(t.TempDir()); err != nil || free == 0 {
		t.Errorf("really: %d, %v", free, err)
	}
}

func TestRights(t *testing.T) {
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "redis"), 0o700); err != nil {
		t.Fatal(err)
	}
	uid := os.Getuid()
	for mode, want := range map[os.FileMode]string{
		0o700: "✓ rights: closed",
		0o750: "✓ rights: closed",
		0o755: "! rights: has the mode 0755: every user of this machine may look into it; chmod o=",
	} {
		if err := os.Chmod(folder, mode); err != nil {
			t.Fatal(err)
		}
		expect(t, rights(folder, uid), want)
	}
	expect(t, rights(folder, uid+1), "✗ rights: belongs to another user; chown -R")
	if notOf(0, folder) != "" {
		t.Error("root may not all")
	}
}

func TestStorage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d := healthy(t)
	for location, want := range map[string][]string{
		"":                   nil,
		t.TempDir():          {"✓ storage: takes files", "✓ disk: free"},
		file:                 {"✗ storage: is a file"},
		"mem://":             {"! storage: gone with it"},
		"ftp://secret@there": {"✗ storage: only a folder, s3://"},
	} {
		d.Config.Storage = location
		expect(t, d.storage(t.Context()), want...)
	}
}

func TestABucketIsTried(t *testing.T) {
	if err := tryBucket(t.Context(), "mem://"); err != nil {
		t.Error(err)
	}
}

func TestARealRedis(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("left out: redis-server is not on PATH")
	}
	t.Setenv("REDIS_URL", "")
	d := healthy(t, "--redis=auto")
	expect(t, d.redis(t.Context()), "✓ Redis: a child of the hub")

	client, _, stop, err := redisserver.Open(t.Context(), "auto", d.Config.Data, 0, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stop() }() // nothing is kept
	if err := client.Do(t.Context(), "ACL", "SETUSER", "default", "-xadd").Err(); err != nil {
		t.Fatal(err)
	}
	expect(t, d.redis(t.Context()), "✗ Redis: this Redis refuses its user commands that a hub needs: allow them (ACL SETUSER, rename-command): XADD")
}

func TestARedisThatCannotStartSaysWhy(t *testing.T) {
	bin := t.TempDir()
	script := "#!/bin/sh\necho '1:M 01 Jan 2026 00:00:00.000 # Fatal: the disk is on fire'\nexit 1\n"
	if err := os.WriteFile(filepath.Join(bin, "redis-server"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":/bin:/usr/bin")
	t.Setenv("REDIS_URL", "")
	d := healthy(t, "--redis=auto")
	expect(t, d.redis(t.Context()), "✗ Redis: the disk is on fire")

	// Where there is no place for a trial there is no verdict either: the hub needs no such place.
	t.Setenv("TMPDIR", filepath.Join(bin, "absent"))
	expect(t, d.redis(t.Context()), "! Redis: was not tried")
}

func TestRedisThatCannotBeUsed(t *testing.T) {
	t.Setenv("REDIS_URL", "")
	expect(t, healthy(t, "--redis=postgres://secret@host").redis(t.Context()), "✗ Redis: the Redis URL is not valid")

	const where = "host:6379"
	good := redisserver.State{Kind: redisserver.External, Where: where, Version: "7.2.4", Eviction: "noeviction", AppendOnly: true}
	old, forgetful, evicting := good, good, good
	old.Version, forgetful.AppendOnly, evicting.Eviction = "5.0.14", false, "allkeys-lru"
	says := "✓ Redis: a server at host:6379, version "
	for name, c := range map[string]struct {
		state redisserver.State
		err   error
		want  []string
	}{
		"good":      {good, nil, []string{says + "7.2.4, takes writes"}},
		"old":       {old, nil, []string{says, "! Redis version: older than any"}},
		"evicting":  {evicting, nil, []string{says, `✗ Redis eviction: "allkeys-lru"`}},
		"forgetful": {forgetful, nil, []string{says, "! Redis log: append-only"}},
		"in use": {redisserver.State{Kind: redisserver.Child, InUse: true, Version: "7.2.4", Eviction: "noeviction", AppendOnly: true}, nil,
			[]string{"✓ Redis: the child of a hub that runs now"}},
		"full":   {good, errors.New("OOM command not allowed"), []string{"✗ Redis: OOM command not allowed; mend what it says"}},
		"absent": {redisserver.State{Kind: redisserver.External}, errors.New("no answer"), []string{"✗ Redis: no answer; correct SEGHUB_REDIS"}},
	} {
		t.Run(name, func(t *testing.T) { expect(t, ofRedis(c.state, c.err), c.want...) })
	}
}

func TestModels(t *testing.T) {
	d := healthy(t)
	d.Config.Warm = []string{"test", "absent"}
	for name, write := range map[string]func(string) error{
		"broken.onnx": func(path string) error { return os.WriteFile(path, []byte("half"), 0o600) },
		"twin.ONNX":   func(path string) error { return modeltest.Write(path, modeltest.Options{}) },
		"notes.txt":   func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"._test.onnx": func(path string) error { return os.WriteFile(path, nil, 0o600) },
	} {
		if err := write(filepath.Join(d.Config.Models, name)); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, d.models(t.Context()),
		"✓ model test: fp32",
		"! model broken.onnx: ",
		"! model twin.ONNX: its id test is that of test.onnx",
		"✗ model absent: SEGHUB_WARM names it")

	// ONNX Runtime has the last word: on test.onnx, which reads well.
	d.TryModels = func(_ context.Context, _ string, paths []string) map[string]string {
		return map[string]string{paths[0]: "is not a registered operator"}
	}
	expect(t, d.models(t.Context()),
		"! model broken.onnx: ",
		"! model twin.ONNX: its id test is that of test.onnx",
		"✗ model test: is not a registered operator; SEGHUB_WARM names it",
		"✗ models folder: no model that can be used",
		"✗ model absent: SEGHUB_WARM names it")

	d.Config.Warm = nil
	d.Config.Models = t.TempDir()
	expect(t, d.models(t.Context()), "✗ models folder: every upload would be refused")
	d.Config.Models = filepath.Join(d.Config.Models, "absent")
	expect(t, d.models(t.Context()), "✗ models folder: no such file")
}

func TestBatchTable(t *testing.T) {
	const device = "NVIDIA RTX A5000, 24576 MiB"
	d := healthy(t, "--device=cuda:0")
	expect(t, d.batchTable(device))
	if err := (models.BatchTable{Device: device}).Write(d.Config.Models); err != nil {
		t.Fatal(err)
	}
	expect(t, d.batchTable(device), "✓ batch table: measured on this "+device)
	findings := d.runtime(t.Context())
	expect(t, findings[len(findings)-1:], "✓ batch table: measured on this "+device)
	expect(t, d.batchTable("another"), "! batch table: measured on another device")
	if err := os.WriteFile(filepath.Join(d.Config.Models, models.BatchFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, d.batchTable(device), "! batch table: take the file away")
}

func TestRuntime(t *testing.T) {
	library := "✓ ONNX Runtime: 1.29.0"
	bare := ort.Diagnosis{Version: "1.29.0", Missing: ort.Lacking{{File: "libcuda.so.1"}, {File: "libcudnn.so.9"}, {File: "libonnxruntime_providers_cuda.so"}}}
	failing := working
	failing.Works, failing.Problem, failing.Remedy = false, "no kernel image", "buy another"
	unseen := ort.Diagnosis{Version: "1.29.0", Driver: 12040, CUDA: 13000, Problem: "the driver is too old", Remedy: "install another"}
	for name, c := range map[string]struct {
		device string
		found  ort.Diagnosis
		want   []string
	}{
		"cpu": {"cpu", bare, []string{library, "✓ device: SEGHUB_DEVICE is cpu: 4 workers with "}},
		"auto without anything": {"auto", bare, []string{library, "! NVIDIA driver: libcuda.so.1", "! CUDA libraries: cuDNN 9 (libcudnn.so.9); install libcudnn9-cuda-13",
			"! CUDA provider: make runtime GPU=1", "! device: models run on the CPU"}},
		"a GPU that was asked for": {"cuda:0", bare, []string{library, "✗ NVIDIA driver: nvidia-driver-580", "✗ CUDA libraries: cuDNN 9", "✗ CUDA provider: lacks"}},
		"a failing probe": {"cuda:0", failing, []string{library, "✓ NVIDIA driver: 13.2", "✓ CUDA libraries: load", "✓ CUDA provider: beside",
			"✓ GPU: A5000", "✗ probe: no kernel image; buy another"}},
		"auto with a failing probe": {"auto", failing, []string{library, "✓ NVIDIA driver: 13.2", "✓ CUDA libraries: load", "✓ CUDA provider: beside",
			"✓ GPU: A5000", "! probe: no kernel image", "! device: models run on the CPU"}},
		"an old driver": {"cuda:0", unseen, []string{library, "✓ NVIDIA driver: up to 12.4; the runtime is 13.0", "✓ CUDA libraries: load",
			"✓ CUDA provider: beside", "✗ GPU: the driver is too old; install another"}},
		"a library that ends its process": {"cuda:0", ort.Diagnosis{Version: "1.29.0", Problem: "the probe ended", Remedy: "look"},
			[]string{library, "✗ GPU: the probe ended; look"}},
		"a broken library": {"auto", ort.Diagnosis{Library: "/lib", Problem: "no library"}, []string{"✗ ONNX Runtime: /lib: no library"}},
		"no such device":   {"gpu", working, []string{"✗ device: must be auto, cpu or cuda:N"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := healthy(t, "--device="+c.device)
			d.Diagnose = func(context.Context, string, int) ort.Diagnosis { return c.found }
			expect(t, d.runtime(t.Context()), c.want...)
		})
	}
}

func TestALibraryThatIsAbsentOrBroken(t *testing.T) {
	d := healthy(t)
	d.Config.ORTLibrary = filepath.Join(t.TempDir(), "absent.so")
	expect(t, d.runtime(t.Context()), "✗ ONNX Runtime: run `make runtime`")
	d = healthy(t, "--device=cpu")
	d.DiagnoseCPU = func(context.Context, string) ort.Diagnosis { return ort.Diagnosis{Problem: "not a library"} }
	expect(t, d.runtime(t.Context()), "✗ ONNX Runtime: not a library")
}

func TestTheGPUThatWasAskedForIsLookedAt(t *testing.T) {
	d := healthy(t, "--device=cuda:3")
	d.Usage = func(string) (nvml.Usage, error) { return nvml.Usage{}, nvml.ErrAbsent }
	findings := d.runtime(t.Context())
	expect(t, findings[len(findings)-3:], "✓ GPU: cuda:3, ", "✓ probe: ran", "! GPU memory: NVML does not tell of it")
}

func TestPrint(t *testing.T) {
	var out strings.Builder
	p := Printer{Out: &out}
	p.Print(Finding{Good, "disk", "all is well", ""})
	p.Print(Finding{Bad, "model \x1b[2Jx", "two\nlines", "mend them"})
	want := "✓ disk                 all is well\n✗ model [2Jx           two lines; mend them\n"
	if out.String() != want || p.Bad != 1 {
		t.Errorf("%d bad, printed\n%q\nwant\n%q", p.Bad, out.String(), want)
	}
	out.Reset()
	p.Colours = true
	p.Print(Finding{Doubtful, "disk", "so so", ""})
	if want := "\x1b[33m!\x1b[0m disk "; !strings.HasPrefix(out.String(), want) {
		t.Errorf("with colours %q", out.String())
	}
}
