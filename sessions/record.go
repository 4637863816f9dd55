package sessions

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"seghub/models/imageio"
	"seghub/models/mask"
	"seghub/sessions/problem"
)

// The fields that scripts give, in their order: PUBLIC_JOB and PUBLIC_SESSION of each of them.
var (
	jobFields = []string{"id", "spec", "state", "stage", "percent", "error", "created", "started", "finished",
		"decode", "infer", "postprocess", "revision", "count", "content", "options", "calibration"}
	sessionFields = []string{"name", "state", "slot", "node", "queued", "running", "done", "failed", "cancelled",
		"position", "seq", "expires"}
)

// record is a hash or an event as Redis keeps it: field to value.
type record map[string]string

func newRecord(fields []string, values []any) record {
	r := make(record, len(fields))
	for i, field := range fields {
		if i < len(values) {
			r[field] = text(values[i])
		}
	}
	return r
}

// spec is the part of a job that never changes; Redis keeps it as one string.
type spec struct {
	ImageID  string `json:"image_id"`
	Filename string `json:"filename"`
	Width    int    `json:"width"`
	Height   int    `json:"height"`
	Place
	Plain       bool          `json:"plain,omitempty"`
	Plane       imageio.Plane `json:"plane"`
	Model       string        `json:"model"`
	Diameter    *float64      `json:"diameter,omitempty"`
	Options     mask.Options  `json:"options"`
	SHA256      string        `json:"sha256"`
	Calibration *Calibration  `json:"calibration,omitempty"` // of the image when the job was made
}

func specOf(j NewJob) spec {
	return spec{j.ImageID, j.Filename, j.Width, j.Height, j.Place, j.Plain, j.Plane, j.Model, j.Diameter, j.Options, j.SHA256, j.Calibration}
}

// place is where the plane lies; jobs of before there were any are of the first page.
func (s spec) place() Place {
	s.Place.Plain, s.Place.Plane = s.Plain, s.Plane
	s.Pages = max(1, s.Pages)
	if s.Projection == "" {
		s.Projection = "none"
	}
	return s.Place
}

func (r record) job() (Job, error) {
	var sp spec
	if err := json.Unmarshal([]byte(r["spec"]), &sp); err != nil {
		return Job{}, fmt.Errorf("sessions: job %s: spec: %w", r["id"], err)
	}
	job := Job{
		ID: r["id"], ImageID: sp.ImageID, Filename: sp.Filename, Width: sp.Width, Height: sp.Height, Place: sp.place(),
		Calibration: sp.Calibration, Model: sp.Model, Diameter: sp.Diameter, Options: sp.Options, FirstOptions: sp.Options, SHA256: sp.SHA256,
		State: JobState(r["state"]), Stage: r["stage"], Percent: r.int("percent"),
		CreatedAt: r.time("created"), StartedAt: r.optionalTime("started"), FinishedAt: r.optionalTime("finished"),
		Timing: Timing{Decode: r.int64("decode"), Infer: r.int64("infer"), Postprocess: r.int64("postprocess")},
	}
	if err := r.revised(&job); err != nil {
		return Job{}, fmt.Errorf("sessions: job %s: %w", r["id"], err)
	}
	if err := r.calibrated(&job); err != nil {
		return Job{}, fmt.Errorf("sessions: job %s: %w", r["id"], err)
	}
	if r["error"] != "" {
		job.Error = new(problem.Problem)
		if err := json.Unmarshal([]byte(r["error"]), job.Error); err != nil {
			return Job{}, fmt.Errorf("sessions: job %s: error: %w", r["id"], err)
		}
	}
	if job.StartedAt != nil {
		job.Timing.Queued = job.StartedAt.Sub(job.CreatedAt).Milliseconds()
	}
	if job.FinishedAt != nil {
		job.Timing.Total = job.FinishedAt.Sub(job.CreatedAt).Milliseconds()
	}
	return job, nil
}

func (r record) session(id string) Session {
	return Session{
		ID: id, Name: r["name"], State: State(r["state"]), Slot: r.optionalInt("slot"), Node: r["node"],
		Position: r.optionalInt("position"),
		Jobs: Counts{
			Queued: r.int("queued"), Running: r.int("running"),
			Done: r.int("done"), Failed: r.int("failed"), Cancelled: r.int("cancelled"),
		},
		Seq: r.int64("seq"), ExpiresAt: r.optionalTime("expires"),
	}
}

func (r record) int64(field string) int64 { return number(r[field]) }
func (r record) int(field string) int     { return int(number(r[field])) }

func (r record) optionalInt(field string) *int {
	n, err := strconv.Atoi(r[field])
	if err != nil {
		return nil
	}
	return &n
}

func (r record) time(field string) time.Time { return time.UnixMilli(r.int64(field)).UTC() }

func (r record) optionalTime(field string) *time.Time {
	if r[field] == "" {
		return nil
	}
	t := r.time(field)
	return &t
}

// existing are the replies of jobs that Redis has: it may have thrown some away (another maxmemory-policy than noeviction).
func existing(replies []any) []any {
	return slices.DeleteFunc(replies, func(reply any) bool {
		fields := list(reply) // the first is the id
		return len(fields) == 0 || text(fields[0]) == ""
	})
}

// jobsFrom reads jobs as the scripts list them.
func jobsFrom(replies []any) ([]Job, error) {
	jobs := make([]Job, 0, len(replies))
	for _, reply := range replies {
		job, err := newRecord(jobFields, list(reply)).job()
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, job)
	}
	return jobs, nil
}
