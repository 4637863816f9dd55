package gpuexec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"seghub/models"
	"seghub/models/imageio"
	"seghub/models/mask"
)

// ErrCancelled is the outcome of a job that was cancelled while it ran.
var ErrCancelled = errors.New("cancelled")

// ErrStopped is the outcome of a job that the pool had in hand when the time that Stop gave it was over. Nobody asked for
// it to be cancelled, so it may run again elsewhere. It is also an ErrCancelled.
var ErrStopped = fmt.Errorf("the worker was stopped: %w", ErrCancelled)

// ErrInference wraps what an engine said when it failed on a batch.
var ErrInference = errors.New("inference failed")

// ErrNoModel is why a job failed, as an ErrInference, whose model the registry does not have, or no more.
var ErrNoModel = errors.New("there is no such model")

// ErrNotLoaded is why a job failed, as an ErrInference, whose model the engine does not open, or not run on an empty image: the job's own image
// has no part in it.
var ErrNotLoaded = errors.New("the model cannot be loaded")

// ErrOutOfMemory is what an engine's error wraps when the device has no memory for what was asked, and is otherwise as before.
var ErrOutOfMemory = errors.New("out of memory")

// ErrCrowdedOut is what an ErrOutOfMemory of a job wraps beside where other programs have most of the device's memory: nothing is wrong with the
// job, which runs once they are gone.
var ErrCrowdedOut = errors.New("other programs have the memory of the device")

// ErrDeviceLost is what an engine's error wraps when this process can do no more work on the device: a CUDA error has poisoned
// its context, or a kernel hangs. Every further call would fail, block or abort the process, so none is made.
var ErrDeviceLost = errors.New("the device is lost")

// ErrTooLong is why a job failed, as an ErrInference, whose run took much longer than any before and was terminated.
var ErrTooLong = errors.New("the model took too long")

// ErrTooManyObjects is why a job failed in whose image the model found more than there may be: it takes noise for objects.
var ErrTooManyObjects = errors.New("too many objects")

// ErrNotRunning is the answer to what needs workers before Start and after Stop.
var ErrNotRunning = errors.New("the workers are not running")

// Job is one plane of an image to segment.
type Job struct {
	ID      string
	Attempt int                                               // which claim of the job this is; echoed in the Result
	Open    func(ctx context.Context) (imageio.Source, error) // called again when a model with another input replaces the job's
	// Keep stores the job's probability map, the bands that mask.ReadBands reads, while r gives it: all, or nothing when r fails, as it does
	// soon after ctx has ended. The map is stored before Finish hears of the job.
	Keep  func(ctx context.Context, r io.Reader) error
	Plane imageio.Plane
	// Diameter is that of the objects, in pixels of the image, where somebody has said it; 0 leaves it to the worker to find, if the model
	// has one. Each job has its own.
	Diameter float64
	Options  mask.Options
}

// Discard is the Keep of a job whose probability map nobody wants.
func Discard(_ context.Context, r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

// Batch is what a worker takes at once: jobs of one session, one model. Never empty.
type Batch struct {
	Model string
	Jobs  []Job
}

// Source gives the workers their work.
type Source interface {
	// Next blocks until there is a batch for slot's worker or ctx ends. Called by one goroutine a slot, one
	// batch ahead of what the worker is running. An error other than ctx's makes the worker try again after a pause.
	Next(ctx context.Context, slot int) (Batch, error)
}

// Sink hears what became of the work.
type Sink interface {
	// Progress may be called from any goroutine and must not block. One that was under way when its job was cancelled may
	// come after the job's Finish.
	Progress(Progress)
	// Piece is called with the pieces of the mask of a job whose image is large, from the top, as they are finished. It may take its time;
	// one that was under way when its job was cancelled may come after the job's Finish.
	Piece(ctx context.Context, p Piece)
	// Finish is called exactly once for each job that Source gave, after its postprocessing, and keeps the result.
	// The worker takes no later run into postprocessing until it returns. A cancelled job's Finish does not wait for the
	// stage that the job was in. ctx outlives Stop's by a few seconds, so that the outcome can still be written.
	Finish(ctx context.Context, r Result)
}

// Stage of a running job.
type Stage string

// The stages in their order.
const (
	StageDecode      Stage = "decode"
	StageInfer       Stage = "infer"
	StagePostprocess Stage = "postprocess"
)

// Progress is how far one job has come within a stage: Done of Total tiles, and Percent of the whole job, 0..100.
type Progress struct {
	JobID   string
	Attempt int
	Stage   Stage
	Done    int
	Total   int
	Percent int
}

// Piece is some rows of a mask that will not change any more.
type Piece struct {
	JobID               string
	Attempt             int
	X, Y, Width, Height int    // where it lies in the image
	PNG                 []byte // 1 channel, 0 or 255
}

// WholeMask is the most pixels of an image whose mask goes out whole when the job is done (api/asyncapi.yaml, mask). Of a larger one the pieces
// stand.
const WholeMask = 16_000_000

// Timing is how long the stages of one job worked on it. Infer is the time of all runs that it had a tile in.
type Timing struct {
	Decode, Infer, Postprocess time.Duration
}

// Result is what became of one job: Err is nil, ErrCancelled (ErrStopped among them), ErrInference, ErrTooManyObjects, an imageio error, what
// Job.Open or Job.Keep said, or, after a panic, an error of no kind.
type Result struct {
	JobID   string
	Attempt int
	Slot    int
	Err     error
	Output  *Output // nil when Err is not
	Timing  Timing
	// InferredAt is when the engine returned.
	InferredAt time.Time
}

// Output is one job's masks at the size of its image, encoded, and its objects.
type Output struct {
	Model         models.Spec // that ran: the registry may have another one by now
	Width, Height int
	Shrunk        float64 // how many times the model's input is smaller than the image; 1 for not at all
	Scale         models.Scale
	Page          imageio.Page
	Objects       []mask.Object
	Spans         []mask.Span // the label map
	Summary       mask.Summary
	MaskPNG       []byte // 1 channel, 0 or 255
}

// Engine opens models on one device stream. Its methods, and those of its sessions, are called by one goroutine, locked to its
// OS thread. Their errors wrap ErrOutOfMemory or ErrDeviceLost when they are that; after ErrDeviceLost no call follows, not
// even Close.
type Engine interface {
	// Open makes a session of model whose runs have n rows each. The error also wraps models.ErrChanged when the file is not the
	// one that model describes.
	Open(ctx context.Context, model models.Spec, n int) (Session, error)
	// Close frees the engine, whose sessions are closed already; no other call follows.
	Close() error
}

// Session is one model, opened for runs of one shape: the same number of rows each time, so that a device plans and allocates
// once.
type Session interface {
	// Warm runs the model until a further run would allocate nothing and plan nothing.
	Warm(ctx context.Context) error
	// Run maps uint8 [n,H,W,C] to uint8 [n,H,W,model.Outputs()]. When ctx ends it terminates the running call and returns ctx's
	// error. The tensor it returns is the caller's to keep.
	Run(ctx context.Context, in models.Tensor) (models.Tensor, error)
	// Shrink gives the memory back that runs have taken, all but the weights; the next Run takes it again. Where that takes a run,
	// the end of ctx ends it, and leaves the memory as it was.
	Shrink(ctx context.Context) error
	// Close frees everything; no other call follows.
	Close() error
}

// OpenWarm opens a session of the model and warms it; when either fails, none is left.
func OpenWarm(ctx context.Context, engine Engine, model models.Spec, n int) (Session, error) {
	session, err := engine.Open(ctx, model, n)
	if err != nil {
		return nil, err
	}
	if err := session.Warm(ctx); err != nil {
		if !errors.Is(err, ErrDeviceLost) {
			err = errors.Join(err, session.Close())
		}
		return nil, err
	}
	return session, nil
}

// NewEngine makes the engine of slot's worker; called on the worker's own thread.
type NewEngine func(slot int) (Engine, error)

// WorkerState of a worker.
type WorkerState string

// What a worker may be doing.
const (
	WorkerIdle WorkerState = "idle"
	WorkerBusy WorkerState = "busy"
	WorkerDown WorkerState = "down" // it has no engine: not started, or its engine could not be made
)

// WorkerStat tells what one worker is doing.
type WorkerStat struct {
	Slot       int
	Device     string
	State      WorkerState
	Model      string // of the batch it runs, else empty
	Helps      *int   // the slot of whose worker's batch it runs tiles; nil while it has none or its own
	ImagesDone int64
}
