package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"seghub/models"
)

// converter is the Python module that makes an ONNX file of a PyTorch checkpoint, from the project's folder.
const converter = "models.training.import_checkpoint"

// importCheckpoint has models/training translate a checkpoint, and imports what that made.
func importCheckpoint(ctx context.Context, w io.Writer, r Request, rt Runtime) (err error) {
	if r.ID == "" {
		return refuse("a checkpoint has no name of its own: say one with --id")
	}
	file, err := models.OpenFile(r.File)
	if err != nil {
		return err
	}
	_ = file.Close() // read only
	script := filepath.FromSlash(strings.ReplaceAll(converter, ".", "/") + ".py")
	if _, err := os.Stat(script); err != nil {
		return refuse("%s is missing here, which translates PyTorch checkpoints: run the command in the project's folder", script)
	}
	if exec.CommandContext(ctx, "python3", "-c", "import torch, onnx, onnxruntime").Run() != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return refuse("a PyTorch checkpoint needs a python3 with the packages of models/training/requirements.txt (torch, onnx, onnxruntime), and none is there: install them, or run python3 -m %s on a machine that has them and copy the ONNX file into the models folder", converter)
	}
	made, err := os.MkdirTemp("", "seghub-import-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(made)) }()
	var said strings.Builder
	translate := exec.CommandContext(ctx, "python3", "-m", converter, "--id="+r.ID, "--out="+made, "--", r.File)
	translate.Stdout, translate.Stderr = w, &said
	if err := translate.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || !exit.Exited() { // as by a system that is short of memory
			return fmt.Errorf("translate %s: %w", r.File, err)
		}
		return refuse("%s", strings.TrimSpace(said.String()))
	}
	path := filepath.Join(made, r.ID+".onnx")
	spec, err := models.ReadSpec(path)
	if err != nil {
		return refuse("%w", err)
	}
	file, size, _, err := openGraph(path)
	if err != nil {
		return err
	}
	defer file.Close()
	return install(ctx, w, r.Folder, candidate{graph: file, size: size, spec: spec}, rt)
}
