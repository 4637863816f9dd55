package sessions

import (
	"context"
	"time"

	"seghub/models/imageio"
	"seghub/models/mask"
	"seghub/sessions/problem"
)

// State of a session.
type State string

// The states of a session; doc.go draws the transitions.
const (
	Idle    State = "idle"
	Waiting State = "waiting"
	Active  State = "active"
	Closed  State = "closed"
)

// JobState is the state of a job.
type JobState string

// The states of a job: queued -> running -> done | failed | cancelled; queued -> cancelled; a running
// job whose worker died goes back to queued.
const (
	JobQueued    JobState = "queued"
	JobRunning   JobState = "running"
	JobDone      JobState = "done"
	JobFailed    JobState = "failed"
	JobCancelled JobState = "cancelled"
)

// Session is the session object of the contract.
type Session struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	State      State    `json:"state"`
	Slot       *int     `json:"slot"`
	Node       string   `json:"node"`
	Position   *int     `json:"position"`    // 1 = next; nil unless waiting
	ETASeconds *float64 `json:"eta_seconds"` // nil when unknown
	Jobs       Counts   `json:"jobs"`
	Seq        int64    `json:"seq"` // of the newest event

	// ExpiresAt is when it will be closed unless somebody comes or work is done until then; nil once it is closed.
	ExpiresAt *time.Time `json:"expires_at"`
}

// Counts are a session's jobs by state.
type Counts struct {
	Queued    int `json:"queued"`
	Running   int `json:"running"`
	Done      int `json:"done"`
	Failed    int `json:"failed"`
	Cancelled int `json:"cancelled"`
}

// Place is where in its image's file the plane lies that a job is of.
type Place struct {
	Page       int           `json:"page"`  // from 0
	Pages      int           `json:"pages"` // of the file
	Channel    int           `json:"channel"`
	Z          int           `json:"z"`
	T          int           `json:"t"`
	Sample     *int          `json:"sample"`     // of a pixel, whose samples are the channels of the file; nil where those have pages of their own, or there is one
	Projection string        `json:"projection"` // "none", or "max": the brightest of all depths
	PixelSize  *float64      `json:"pixel_size"` // of a side, in µm; nil when nobody has said
	Plain      bool          `json:"-"`          // nobody says what the file is a stack of, or only what other programs do not heed
	Plane      imageio.Plane `json:"-"`
}

// Job is the job object of the contract: one plane of an image to segment with one model.
type Job struct {
	ID       string `json:"id"`
	ImageID  string `json:"image_id"`
	Filename string `json:"filename"`
	Width    int    `json:"width"`
	Height   int    `json:"height"`
	Place
	Model      string           `json:"model"`
	Diameter   *float64         `json:"diameter"` // of the objects, in pixels, as somebody has said it; nil when nobody has
	Options    mask.Options     `json:"options"`  // of the newest revision
	Revision   int              `json:"revision"` // the newest; 0 until the job is done
	Count      *int             `json:"count"`    // objects of the newest revision; nil until the job is done
	State      JobState         `json:"state"`
	Stage      string           `json:"stage"`
	Percent    int              `json:"percent"`
	Error      *problem.Problem `json:"error"`
	CreatedAt  time.Time        `json:"created_at"`
	StartedAt  *time.Time       `json:"started_at"`
	FinishedAt *time.Time       `json:"finished_at"`
	Timing     Timing           `json:"timing_ms"`

	SHA256 string `json:"-"` // of the image's file, in hex
	// FirstOptions are those of the first revision.
	FirstOptions mask.Options `json:"-"`
	// Calibration is by what PixelSize is another than the upload's; nil when nobody has said anything since.
	Calibration *Calibration `json:"-"`
	Content     string       `json:"-"` // what the newest revision is made of, in the words of whoever made it; empty for the first
}

// Timing is how long each part of a job took, in milliseconds.
type Timing struct {
	Queued      int64 `json:"queued"`
	Decode      int64 `json:"decode"`
	Infer       int64 `json:"infer"`
	Postprocess int64 `json:"postprocess"`
	Total       int64 `json:"total"`
}

// NewJob is what an upload asks for.
type NewJob struct {
	ImageID       string
	Filename      string
	Width, Height int
	Place
	Model    string
	Diameter *float64 // as in Job
	Options  mask.Options
	SHA256   string // of the file, in hex
	// Calibration is that of the image; nil when nobody has calibrated it.
	Calibration *Calibration
}

// JobQuery selects a page of a session's jobs, newest first.
type JobQuery struct {
	State  JobState // empty means all
	Limit  int      // 1..1000
	Cursor string   // from the page before; empty for the first
}

// JobPage is one page of jobs. NextCursor is empty on the last.
type JobPage struct {
	Jobs       []Job
	NextCursor string
}

// Message is one thing that a client of a session hears.
type Message struct {
	// Seq is the place in the session's event log, from 1; 0 for what is not kept.
	Seq int64
	// Type is the frame's type: "session", "job", "edit", "mask", "progress", "position", "snapshot"; or "lost", of which there is no frame.
	Type string
	// Key names what the message is the newest word on ("progress/JOB", "position"): a newer message of the
	// same key may replace it in a queue. Empty for kept events, which are never replaced.
	Key string
	// After is set for what is told of a running job and not kept: the newest event when it was sent. It is void to who has heard of
	// later events in another way than by messages, as by an Opening: one of them may be the job's end.
	After int64
	// JobID is set for "mask": the frame's picture is that job's mask, or, without a Seq, the piece of it that begins at Row.
	JobID string
	Row   int
	// Bare is set for a "mask" whose frame has no picture, because the pieces before it stand.
	Bare bool
	// Data is the JSON object as the client gets it; for "mask" the header of the binary frame.
	Data []byte
	// Opening is set for "snapshot": the log has begun anew, or events of it are gone. What the client knows is void; what
	// follows has a Seq above Opening.Session.Seq. Seq is 0 and Data empty.
	Opening *Opening
	// Last is set on the message after which the session is closed and the connection has no more to say.
	Last bool
	// Lost is set when the session cannot be read any more: the connection has no more to say, and the client must connect
	// again. Nothing follows; Seq is 0 and Data empty.
	Lost bool
}

// Mark is where a client stands in a session's log.
type Mark struct {
	Seq   int64  // of the newest event that it knows
	Epoch string // of the log that Seq is of; empty where the client does not know
}

// Opening is the state at the moment a subscription began: everything up to Session.Seq has happened,
// everything after it will be delivered.
type Opening struct {
	Session Session
	Epoch   string // of the log; another one means that events that were told may be gone
	Resumed bool   // a Mark was given and the log reaches back to it: Backlog has what was missed
	Gap     bool   // a Mark was given and the log does not reach back to it: start from Jobs
	Jobs    []Job  // newest first; nil when Resumed
}

// Subscription is one listener's place in a session. Messages go to the deliver function that Subscribe was
// given, from the moment of Opening on; kept ones each once and in order.
type Subscription struct {
	Opening Opening
	// Backlog reads at most limit kept messages with Seq above after, in order; fewer mean that the end is reached.
	Backlog func(ctx context.Context, after int64, limit int) ([]Message, error)
	// Close ends it; idempotent, and deliver is not called after it returns.
	Close func()
}

// SlotStat tells what one slot is doing.
type SlotStat struct {
	Slot    int
	Session string // owner, empty when free
	InHand  string // the session whose images its worker has, which is another than the owner when it helps; empty when it has none
}

// NodeStat tells what one node is.
type NodeStat struct {
	Node     string
	Slots    int
	Open     int  // of those, the ones whose worker is up and warm
	Active   int  // of those, the ones that have an owner
	Draining bool // it goes down
}

// Stats is the state of admission.
type Stats struct {
	Slots   []SlotStat // of this node
	Waiting int        // on all nodes
	Nodes   []NodeStat // by name
}
