package gpuexec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"seghub/models"
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

// ErrEngineLost is what an engine's error wraps when the engine can do no more work, as after a CUDA error that poisons its
// context. The worker closes it and makes a new one.
var ErrEngineLost = errors.New("the engine is lost")

// ErrOutOfMemory is what an engine's error wraps when the device has no memory for what was asked, and is otherwise as before.
var ErrOutOfMemory = errors.New("out of memory")

// ErrNotRunning is the answer to what needs workers before Start and after Stop.
var ErrNotRunning = errors.New("the workers are not running")

// Job is one image to segment.
type Job struct {
	ID      string
	Attempt int                                              // which claim of the job this is; echoed in the Result
	Open    func(ctx context.Context) (io.ReadCloser, error) // called again when a model with another input replaces the job's
	Options mask.Options
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
	// Finish is called exactly once for each job that Source gave, after its postprocessing, and keeps the result.
	// The worker takes no later batch into postprocessing until it returns. A cancelled job's Finish does not wait for the
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

// Progress is how far one job has come within a stage: Done of Total steps, and Percent of the whole job, 0..100.
type Progress struct {
	JobID   string
	Stage   Stage
	Done    int
	Total   int
	Percent int
}

// Timing is how long the stages of one job took; zero for a job that was cancelled. Infer is that of the whole batch it ran in.
type Timing struct {
	Decode, Infer, Postprocess time.Duration
}

// Result is what became of one job: Err is nil, ErrCancelled (ErrStopped among them), ErrInference, an imageio error, what
// Job.Open said, or, after a panic, an error of no kind.
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
	Width, Height int
	Objects       []mask.Object
	Summary       mask.Summary
	MaskPNG       []byte // 1 channel, 0 or 255
	Probability   []byte // the map that the objects were cut from, in bands as mask.ReadBands reads them
}

// Engine runs models on one device stream. Its methods are called by one goroutine, locked to its OS thread.
type Engine interface {
	// Load makes model ready, so that the first Run does not pay for it. It takes the place of a model with the same id and
	// another version. The error wraps models.ErrChanged when the file is not the one that model describes, and ErrOutOfMemory
	// when there is none for it.
	Load(ctx context.Context, model models.Spec) error
	// Unload frees what Load made for the model that has id, if it did.
	Unload(id string) error
	// Run maps uint8 [N,H,W,C] to uint8 [N,H,W,model.Outputs()]. When ctx ends it terminates the running call and returns ctx's error.
	// The tensor it returns is the caller's to keep.
	Run(ctx context.Context, model models.Spec, in models.Tensor) (models.Tensor, error)
	// Close frees everything; no other call follows.
	Close() error
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
	ImagesDone int64
}
