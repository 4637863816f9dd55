package importer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"seghub/gpuexec/ort/orttest"
	"seghub/models/modeltest"
)

// project is a folder of the project in which the test runs, with a python3 that the script is: models/training itself is tested
// in Python.
func project(t *testing.T, script string) (folder string) {
	t.Helper()
	root, bin := t.TempDir(), t.TempDir()
	folder = filepath.Join(root, "weights")
	for _, dir := range []string{folder, filepath.Join(root, "models", "training")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	file(t, filepath.Join(root, "models", "training"), "import_checkpoint.py", nil)
	if err := modeltest.Write(filepath.Join(bin, "made"), modeltest.Options{ID: "old_unet"}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, "python3"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(root)
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv("MADE", filepath.Join(bin, "made"))
	return folder
}

const translates = `
[ "$1" = -c ] && exit 0
[ "$*" = "-m models.training.import_checkpoint --id=old_unet ${4} -- net.pth" ] || { echo "asked for $*" >&2; exit 1; }
echo "It is a U-Net."
cp "$MADE" "${4#--out=}/old_unet.onnx"
`

func TestACheckpointIsTranslated(t *testing.T) {
	rt, folder := orttest.Open(t, 1), project(t, translates)
	file(t, ".", "net.pth", nil)
	var out bytes.Buffer
	if err := Import(t.Context(), &out, Request{File: "net.pth", Folder: folder, ID: "old_unet"}, rt); err != nil {
		t.Fatal(err)
	}
	if list := listed(t, folder); len(list) != 1 || list[0].ID != "old_unet" || len(list[0].TrainedOn) != 1 || !strings.Contains(out.String(), "It is a U-Net.") {
		t.Errorf("%+v; it says %q", list, out.String())
	}
}

func TestCheckpointsAreRefused(t *testing.T) {
	rt := orttest.Open(t, 1)
	for _, c := range []struct {
		name, script, id, want string
		spoil                  func(t *testing.T)
	}{
		{name: "no id", script: translates, want: "say one with --id"},
		{name: "no torch", script: "exit 1", id: "old_unet", want: "models/training/requirements.txt"},
		{name: "another network", script: `[ "$1" = -c ] || { echo "It is no U-Net." >&2; exit 1; }`, id: "old_unet", want: "It is no U-Net."},
		{name: "elsewhere", script: translates, id: "old_unet", want: "run the command in the project's folder",
			spoil: func(t *testing.T) { t.Chdir(t.TempDir()); file(t, ".", "net.pth", nil) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := project(t, c.script)
			file(t, ".", "net.pth", nil)
			if c.spoil != nil {
				c.spoil(t)
			}
			wantRefusal(t, Import(t.Context(), &bytes.Buffer{}, Request{File: "net.pth", Folder: folder, ID: c.id}, rt), folder, c.want)
		})
	}
}

// TestAnInterruptedTranslationIsNoFaultOfTheCheckpoint ends python3 while it looks for its packages, and while it translates.
func TestAnInterruptedTranslationIsNoFaultOfTheCheckpoint(t *testing.T) {
	r := Request{File: "net.pth", Folder: project(t, `[ "$1" = -c ] || kill -KILL $$`), ID: "old_unet"}
	file(t, ".", r.File, nil)
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := importCheckpoint(stopped, io.Discard, r, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	if err := importCheckpoint(t.Context(), io.Discard, r, nil); err == nil || errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "killed") {
		t.Errorf("killed: %v", err)
	}
}
