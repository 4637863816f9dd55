package main

import (
	"errors"
	"net"
	"os"
	"testing"

	"github.com/alecthomas/kong"

	"seghub/gpuexec/ort"
)

// parse reads a command line as the program does.
func parse(t *testing.T, args ...string) (c cli, k *kong.Kong, err error) {
	t.Helper()
	k, err = kong.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	_, err = k.Parse(args)
	return c, k, err
}

// What `serve` refuses to start with, `doctor` takes in, to say it beside all else.
func TestDoctorTakesSettingsThatServeRefuses(t *testing.T) {
	if _, _, err := parse(t, "serve", "--slots=0"); err == nil {
		t.Error("serve takes them too")
	}
	c, _, err := parse(t, "doctor", "--slots=0")
	if err != nil || c.Doctor.Listen != "127.0.0.1:8080" {
		t.Errorf("%v, settings %+v", err, c.Doctor)
	}
}

// The program ends with 1 when `serve` would not work, and well when it would.
func TestDoctorEndsWithAnErrorWhenServeWouldNotWork(t *testing.T) {
	if _, err := os.Stat(ort.DefaultLibrary()); err != nil {
		t.Skip("left out: ONNX Runtime library is absent; scripts/fetch-onnxruntime gets it")
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for listen, fails := range map[string]bool{"127.0.0.1:0": false, taken.Addr().String(): true} {
		c, k, err := parse(t, "doctor", "--listen="+listen, "--data="+t.TempDir(), "--redis=embedded", "--device=cpu", "--models=../models/weights")
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Doctor.Run(k); (err != nil) != fails {
			t.Errorf("listening on %s: %v", listen, err)
		}
	}
}

// systemd is told by the status not to start a hub again that a person must mend, wherever its settings come from.
func TestWrongSettingsEndLikeWrongFlags(t *testing.T) {
	_, k, err := parse(t, "serve", "--slots=four")
	t.Setenv("SEGHUB_SLOTS", "four")
	_, _, ofEnvironment := parse(t, "serve")
	t.Setenv("SEGHUB_SLTOS", "4")
	for _, err := range []error{err, ofEnvironment, unknownSettings(k)} {
		var exit kong.ExitCoder
		if err = misused(err); !errors.As(err, &exit) || exit.ExitCode() != 80 {
			t.Errorf("%v", err)
		}
	}
	if misused(nil) != nil {
		t.Error("what is right is wrong")
	}
}
