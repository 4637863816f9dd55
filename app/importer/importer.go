package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"seghub/gpuexec"
	"seghub/models"
)

// ErrRefused is why nothing was imported, in a sentence.
var ErrRefused = errors.New("the model is not imported")

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrRefused, fmt.Errorf(format, args...))
}

// Request is what a person asks for.
type Request struct {
	File    string // *.onnx, a zip, or a PyTorch checkpoint
	Folder  string // of the models
	ID      string // instead of the one that the file names; required of a checkpoint
	Channel *int   // of a package's output, the first is 0: the probability
	Border  *int   // of a package's output: the rims of objects; nil of one that does not tell
}

// Runtime tries a model. gpuexec/ort has it.
type Runtime interface {
	NewEngine(slot int) (gpuexec.Engine, error)
	// RunFloats runs a graph once on values as they are.
	RunFloats(ctx context.Context, model models.Spec, values []float32, shape []int64) ([]float32, []int64, error)
}

// candidate is a model that may be imported.
type candidate struct {
	graph io.ReaderAt
	size  int64 // of graph, bytes
	spec  models.Spec
	proof *proof // of a model that brought one
}

// Import puts the model of r.File into r.Folder, where a running hub takes it up, and tells w about it. The error wraps
// ErrRefused when the file is to blame.
func Import(ctx context.Context, w io.Writer, r Request, rt Runtime) error {
	// An engine belongs to one thread, and changes its priority.
	runtime.LockOSThread()
	extension := strings.ToLower(filepath.Ext(r.File))
	if extension != ".zip" && (r.Channel != nil || r.Border != nil) {
		return refuse("--channel and --border are for packages (.zip)")
	}
	switch extension {
	case ".onnx":
		return importSidecar(ctx, w, r, rt)
	case ".zip":
		return importPackage(ctx, w, r, rt)
	case ".pt", ".pth", ".ckpt":
		return importCheckpoint(ctx, w, r, rt)
	}
	return refuse("%s is neither an ONNX file (.onnx), a BioImage Model Zoo package (.zip) nor a PyTorch checkpoint (.pt, .pth, .ckpt)", r.File)
}

// openGraph opens an ONNX file; its caller closes it.
func openGraph(path string) (*os.File, int64, models.Graph, error) {
	file, err := models.OpenFile(path)
	if err != nil {
		return nil, 0, models.Graph{}, err
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = refuse("%s is a folder", path)
	}
	var graph models.Graph
	if err == nil {
		if graph, err = models.ReadGraph(file, info.Size()); errors.Is(err, models.ErrInvalid) {
			err = refuse("%s: %w", path, err)
		}
	}
	if err != nil {
		_ = file.Close() // read only
		return nil, 0, models.Graph{}, err
	}
	return file, info.Size(), graph, nil
}

// batchOf is how many images a run may hold: few, because nobody has measured what they need.
func batchOf(layout models.Layout, graph models.Graph) models.Batch {
	if n := strings.IndexByte(string(layout), 'n'); n < len(graph.Inputs[0].Dims) && graph.Inputs[0].Dims[n] == 1 {
		return oneByOne
	}
	return models.Batch{Alone: 2, Shared: 1, Max: 4}
}

// oneByOne is the batch of a graph that runs one image alone.
var oneByOne = models.Batch{Alone: 1, Shared: 1, Max: 1}
