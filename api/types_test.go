package api_test

import (
	"encoding/json"
	"testing"
	"time"

	"seghub/api/apitest"
	"seghub/models/mask"
	"seghub/models/mask/result"
	"seghub/sessions"
	"seghub/sessions/problem"
)

// The types that the server encodes fit the contract at each stage of their life. Members of an object
// that the contract does not name are refused, so a field that is new in Go must be named there too.
func TestGoTypesFit(t *testing.T) {
	contract := apitest.New(t)
	body := func(v any) []byte {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}

	slot, position, eta := 3, 1, 12.5
	for _, s := range []sessions.Session{
		{State: sessions.Idle},
		{State: sessions.Waiting, Position: &position},
		{State: sessions.Waiting, Position: &position, ETASeconds: &eta},
		{State: sessions.Active, Slot: &slot, Jobs: sessions.Counts{Queued: 1, Running: 2, Done: 3, Failed: 4, Cancelled: 5}},
		{State: sessions.Closed, Seq: 9},
	} {
		s.ID, s.Name, s.Node = "S1", "Ada", "node"
		contract.Response(t, "GET", "/api/v1/session", 200, "application/json", body(s))
	}

	now := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	for _, j := range []sessions.Job{
		{State: sessions.JobQueued},
		{State: sessions.JobRunning, StartedAt: &now, Stage: "infer", Percent: 40},
		{State: sessions.JobDone, Revision: 1, Count: new(int), StartedAt: &now, FinishedAt: &now, Stage: "postprocess", Percent: 100,
			Timing: sessions.Timing{Queued: 1, Decode: 2, Infer: 3, Postprocess: 4, Total: 10}},
		{State: sessions.JobFailed, StartedAt: &now, FinishedAt: &now, Error: problem.New(problem.CorruptImage, "It is cut short.")},
		{State: sessions.JobCancelled, FinishedAt: &now},
	} {
		j.ID, j.ImageID, j.Filename, j.Width, j.Height, j.Pages, j.Model = "J1", "I1", "a.png", 64, 48, 1, "unet"
		j.Projection = "none"
		j.Options, j.CreatedAt = mask.Options{Threshold: 0.5}, now
		contract.Response(t, "GET", "/api/v1/jobs/J1", 200, "application/json", body(j))
	}

	for _, code := range declaredCodes(t) {
		p := problem.New(problem.Code(code), "Because.")
		contract.Frame(t, apitest.FromServer, body(map[string]any{
			"type": "error", "re": map[string]any{"type": "cancel", "job_id": "J1"},
			"title": p.Title, "status": p.Status, "detail": p.Detail, "code": p.Code,
		}))
	}

	size := 0.5
	objects := mask.Measure(64, 48, []mask.Span{{Y: 0, X0: 0, X1: 3, ID: 1}, {Y: 1, X0: 0, X1: 1, ID: 1}, {Y: 1, X0: 2, X1: 3, ID: 1}, {Y: 2, X0: 0, X1: 3, ID: 1}},
		func(int32) []uint8 { return make([]uint8, 64) })
	mask.Calibrate(objects, size)
	contract.Response(t, "GET", "/api/v1/jobs/J1/result", 200, "application/json", body(result.Result{
		Job: "J1", Revision: 1, Image: result.Image{ID: "I1", Filename: "a.png", Width: 64, Height: 48, PixelSize: &size},
		Model: "unet", Options: mask.Options{Threshold: 0.5}, Shrunk: 1, Objects: objects,
		Summary: mask.Summary{Count: 1, TotalArea: 8, Coverage: 0.1},
	}))
}
