package server

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestEveryCallOfTheContract makes each call that the contract lists, and holds its answer against it, as
// all tests here do.
func TestEveryCallOfTheContract(t *testing.T) {
	base, _ := serve(t, settings(t))
	u := newUser(t, base, "Ada")
	s := u.connect("")
	job := u.upload(http.StatusAccepted, samplePNG(t, 0)).Accepted[0]
	s.untilEnded(1)
	for _, message := range []string{`{"type":"watch","stats":true}`, `{"type":"ping","id":1}`, `{"type":"cancel","job_id":"none"}`} {
		contract(t).Frame(t, "client", []byte(message))
		if err := s.conn.WriteMessage(1, []byte(message)); err != nil {
			t.Fatal(err)
		}
	}
	heard := map[string]bool{}
	s.until(func(f frame) bool {
		heard[f.Type] = true
		return heard["stats"] && heard["pong"] && heard["error"]
	})

	made := []string{"POST /api/v1/sessions", "POST /api/v1/images", "GET /api/v1/ws", "POST /api/v1/jobs", "POST /api/v1/jobs/{id}/edits"}
	u.post("/api/v1/jobs", http.StatusAccepted, map[string]any{"images": []string{job.ImageID}, "model": job.Model}, nil)
	u.post("/api/v1/jobs/"+job.ID+"/edits", http.StatusOK, map[string]any{"revision": 1,
		"operations": []any{map[string]any{"op": "delete", "ids": []int{1}}}}, nil)
	for _, call := range []struct{ operation, path string }{
		{"GET /api/v1/session", "/api/v1/session"},
		{"GET /api/v1/models", "/api/v1/models"},
		{"GET /api/v1/jobs", "/api/v1/jobs?limit=1"},
		{"GET /api/v1/jobs/{id}", "/api/v1/jobs/" + job.ID},
		{"GET /api/v1/jobs/{id}/result", "/api/v1/jobs/" + job.ID + "/result"},
		{"GET /api/v1/jobs/{id}/labels.tif", "/api/v1/jobs/" + job.ID + "/labels.tif"},
		{"GET /api/v1/jobs/{id}/receipt", "/api/v1/jobs/" + job.ID + "/receipt"},
		{"GET /api/v1/jobs/{id}/mask.png", "/api/v1/jobs/" + job.ID + "/mask.png"},
		{"GET /api/v1/jobs/{id}/probability.png", "/api/v1/jobs/" + job.ID + "/probability.png"},
		{"GET /api/v1/images/{id}", "/api/v1/images/" + job.ImageID},
		{"GET /api/v1/images/{id}/preview", "/api/v1/images/" + job.ImageID + "/preview"},
		{"GET /api/v1/images/{id}/info", "/api/v1/images/" + job.ImageID + "/info"},
		{"GET /api/v1/images/{id}/tiles/{page}/{level}/{x}/{y}", "/api/v1/images/" + job.ImageID + "/tiles/0/0/0/0"},
		{"GET /api/v1/stats", "/api/v1/stats"},
		{"GET /api/v1/export", "/api/v1/export?format=csv"},
		{"GET /samples", "/samples"},
		{"GET /samples/{name}.png", "/samples/spheroid.png"},
		{"GET /healthz", "/healthz"},
		{"GET /readyz", "/readyz"},
		{"GET /metrics", "/metrics"},
		{"POST /api/v1/jobs/{id}/measure", "/api/v1/jobs/" + job.ID + "/measure"},
		{"DELETE /api/v1/jobs/{id}", "/api/v1/jobs/" + job.ID},
		{"DELETE /api/v1/jobs", "/api/v1/jobs"},
		{"DELETE /api/v1/images/{id}", "/api/v1/images/" + job.ImageID},
		{"DELETE /api/v1/session", "/api/v1/session"},
	} {
		method, _, _ := strings.Cut(call.operation, " ")
		if status, _, data := u.call(method, call.path, nil, ""); status >= 300 {
			t.Errorf("%s: status %d: %s", call.operation, status, data)
		}
		made = append(made, call.operation)
	}
	slices.Sort(made)
	if listed := contract(t).Operations(); !slices.Equal(made, listed) {
		t.Errorf("made %v\nlisted %v", made, listed)
	}
}
