package api_test

import (
	"encoding/json"
	"testing"
	"time"

	"seghub/api/apitest"
	"seghub/models/mask"
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
		{State: sessions.JobDone, StartedAt: &now, FinishedAt: &now, Stage: "postprocess", Percent: 100,
			Timing: sessions.Timing{Queued: 1, Decode: 2, Infer: 3, Postprocess: 4, Total: 10}},
		{State: sessions.JobFailed, StartedAt: &now, FinishedAt: &now, Error: problem.New(problem.CorruptImage, "It is cut short.")},
		{State: sessions.JobCancelled, FinishedAt: &now},
	} {
		j.ID, j.ImageID, j.Filename, j.Width, j.Height, j.Pages, j.Model = "J1", "I1", "a.png", 64, 48, 1, "unet"
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

	contract.Response(t, "GET", "/api/v1/jobs/J1/result", 200, "application/json", body(map[string]any{
		"job": "J1", "image": map[string]any{"id": "I1", "filename": "a.png", "width": 64, "height": 48},
		"model": "unet", "threshold": 0.5,
		"objects": []mask.Object{{
			ID: 1, Polygon: []mask.Point{{0, 0}, {3, 0}, {3, 3}, {0, 3}}, Holes: [][]mask.Point{{{1, 1}, {1, 2}, {2, 2}, {2, 1}}},
			BBox: [4]int{0, 0, 3, 3}, Area: 8, Perimeter: 16, Centroid: [2]float64{1.5, 1.5}, MeanProbability: 0.9,
		}},
		"summary": mask.Summary{Count: 1, TotalArea: 8, Coverage: 0.1},
	}))
}
