package client

import (
	"encoding/json"
	"time"
)

// Session is one person's work at the hub: its images, jobs, results and events.
type Session struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	State      string     `json:"state"` // idle, waiting, active or closed
	Slot       *int       `json:"slot"`
	Node       string     `json:"node"`
	Position   *int       `json:"position"`    // in the line, 1 = next; nil unless waiting
	ETASeconds *float64   `json:"eta_seconds"` // nil when unknown
	Jobs       Counts     `json:"jobs"`
	Seq        int64      `json:"seq"` // of the newest event
	ExpiresAt  *time.Time `json:"expires_at"`
}

// Counts are a session's jobs by state.
type Counts struct {
	Queued    int `json:"queued"`
	Running   int `json:"running"`
	Done      int `json:"done"`
	Failed    int `json:"failed"`
	Cancelled int `json:"cancelled"`
}

// JobState is the state of a job.
type JobState string

// The states of a job. A running job whose worker died is queued again.
const (
	Queued    JobState = "queued"
	Running   JobState = "running"
	Done      JobState = "done"
	Failed    JobState = "failed"
	Cancelled JobState = "cancelled"
)

// Ended tells whether nothing more will happen to a job.
func (s JobState) Ended() bool { return s == Done || s == Failed || s == Cancelled }

// Job is one page of an image to segment with one model.
type Job struct {
	ID         string          `json:"id"`
	ImageID    string          `json:"image_id"`
	Filename   string          `json:"filename"`
	Width      int             `json:"width"`
	Height     int             `json:"height"`
	Page       int             `json:"page"` // from 0
	Pages      int             `json:"pages"`
	PixelSize  *float64        `json:"pixel_size"` // µm; nil when unknown
	Model      string          `json:"model"`
	Options    json.RawMessage `json:"options"` // as they were applied
	Revision   int             `json:"revision"`
	Count      *int            `json:"count"` // objects; nil until done
	State      JobState        `json:"state"`
	Stage      string          `json:"stage"` // of a running one: decode, infer or postprocess
	Percent    int             `json:"percent"`
	Error      *Problem        `json:"error"` // of a failed one
	CreatedAt  time.Time       `json:"created_at"`
	StartedAt  *time.Time      `json:"started_at"`
	FinishedAt *time.Time      `json:"finished_at"`
}

// Model is one that can be asked for.
type Model struct {
	ID            string  `json:"id"`
	Title         string  `json:"title"`
	Description   string  `json:"description"`
	Threshold     float64 `json:"threshold"`
	MinArea       int     `json:"min_area"`
	SplitTouching bool    `json:"split_touching"`
	Version       string  `json:"version"`
	Loaded        bool    `json:"loaded"`
}

// Result is what was found in one image.
type Result struct {
	Job      string          `json:"job"`
	Revision int             `json:"revision"`
	Image    ResultImage     `json:"image"`
	Model    string          `json:"model"`
	Options  json.RawMessage `json:"options"`
	Objects  []Object        `json:"objects"`
	Summary  Summary         `json:"summary"`
}

// ResultImage is the image of a Result.
type ResultImage struct {
	ID        string   `json:"id"`
	Filename  string   `json:"filename"`
	Width     int      `json:"width"`
	Height    int      `json:"height"`
	Page      int      `json:"page"`
	PixelSize *float64 `json:"pixel_size"` // µm; nil when unknown
}

// Summary is the account of one image.
type Summary struct {
	Count     int     `json:"count"`
	TotalArea int     `json:"total_area"` // pixels
	Coverage  float64 `json:"coverage"`   // 0..1
}

// Object is one body. Lengths are pixels and areas square pixels; points are pixel corners, [x, y], the first pixel's at [0, 0].
type Object struct {
	ID              int        `json:"id"`      // also its value in the label map
	Polygon         [][2]int   `json:"polygon"` // outer ring, not closed by repeating the first point
	Holes           [][][2]int `json:"holes"`
	BBox            [4]int     `json:"bbox"` // x, y, width, height
	Area            int        `json:"area"`
	Perimeter       float64    `json:"perimeter"`
	Centroid        [2]float64 `json:"centroid"`
	MeanProbability float64    `json:"mean_probability"`

	// Measures has everything that the hub tells of the object, by the contract's names.
	Measures map[string]json.RawMessage `json:"-"`
}

// UnmarshalJSON reads an object and keeps all its measures.
func (o *Object) UnmarshalJSON(data []byte) error {
	type plain Object
	if err := json.Unmarshal(data, (*plain)(o)); err != nil {
		return err
	}
	return json.Unmarshal(data, &o.Measures)
}
