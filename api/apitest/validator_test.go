package apitest

import (
	"strings"
	"testing"
)

const (
	jsonType    = "application/json; charset=utf-8"
	problemType = "application/problem+json"

	session = `{"id":"S1","name":"Ada","state":"active","slot":0,"node":"n","position":null,"eta_seconds":null,` +
		`"jobs":{"queued":1,"running":0,"done":2,"failed":0,"cancelled":0},"seq":7,"expires_at":null}`
	problemText = `{"type":"urn:seghub:problem:not_found","title":"Not found","status":404,"detail":"There is no such job.","code":"not_found"}`
	job         = `{"id":"J1","image_id":"I1","filename":"a.png","width":64,"height":48,"page":0,"pages":1,"channel":0,"z":0,"t":0,"sample":null,"projection":"none","pixel_size":null,"model":"m","diameter":null,` +
		`"options":{"threshold":0.5,"min_area":0,"detect_holes":true,"exclude_border":false,"split_touching":false},"revision":0,"count":null,"state":"queued","stage":"",` +
		`"percent":0,"error":null,"created_at":"2026-01-02T03:04:05.678Z","started_at":null,"finished_at":null,` +
		`"timing_ms":{"queued":0,"decode":0,"infer":0,"postprocess":0,"total":0}}`
	result = `{"job":"J1","revision":1,"image":{"id":"I1","filename":"a.png","width":64,"height":48,"page":0,"pixel_size":null},"model":"m",` +
		`"options":{"threshold":0.5,"min_area":0,"detect_holes":true,"exclude_border":false,"split_touching":false},"shrunk":1,` +
		`"objects":[{"id":1,"polygon":[[0,0],[2,0],[2,2],[0,2]],"holes":[],"bbox":[0,0,2,2],"area":4,"perimeter":8,"equivalent_diameter":2.2,` +
		`"circularity":1,"solidity":1,"convexity":1,"extent":1,"aspect_ratio":1,"feret_max":2.8,"feret_min":2,"sphericity":1,"compactness":1,` +
		`"centroid":[1,1],"mean_probability":0.9,"mean_intensity":[7],"sd_intensity":[0],"integrated_intensity":[28],"touches_border":true,` +
		`"edited":false}],"summary":{"count":1,"total_area":4,"coverage":0.001}}`
	pngStart = "\x89PNG\r\n\x1a\n"
)

// change is text with one thing different; it panics when there is no such thing to change.
func change(text, from, to string) string {
	if !strings.Contains(text, from) {
		panic("nothing to change: " + from)
	}
	return strings.Replace(text, from, to, 1)
}

func TestResponse(t *testing.T) {
	v := New(t)
	for _, c := range []struct {
		name        string
		method      string
		path        string
		status      int
		contentType string
		body        string
		wrong       string // a word of the error; empty when the answer is right
	}{
		{"session", "GET", "/api/v1/session", 200, jsonType, session, ""},
		{"a query is ignored", "GET", "/api/v1/jobs?limit=1", 200, jsonType, `{"jobs":[` + job + `],"next_cursor":"x"}`, ""},
		{"no body where none belongs", "DELETE", "/api/v1/session", 204, "", "", ""},
		{"a problem", "GET", "/api/v1/jobs/x-_Y9", 404, problemType, problemText, ""},
		{"a result", "GET", "/api/v1/jobs/x/result", 200, "application/json", result, ""},
		{"a picture", "GET", "/api/v1/jobs/x/mask.png", 200, "image/png", pngStart + "...", ""},
		{"a part of a picture", "GET", "/api/v1/jobs/x/mask.png", 206, "image/png", "...", ""},
		{"a failed job", "GET", "/api/v1/jobs/x", 200, jsonType, change(change(change(job, "queued", "failed"),
			`"error":null`, `"error":`+problemText), `"finished_at":null`, `"finished_at":"2026-01-02T03:04:05Z"`), ""},
		{"text for Prometheus", "GET", "/metrics", 200, "text/plain; version=0.0.4; charset=utf-8", "x 1", ""},

		{"no such path", "GET", "/api/v1/nothing", 200, jsonType, "{}", "no such call"},
		{"no such method", "PUT", "/api/v1/session", 200, jsonType, session, "no such call"},
		{"an id with a slash", "GET", "/api/v1/jobs/a/b", 404, problemType, problemText, "no such call"},
		{"no such status", "GET", "/api/v1/session", 418, problemType, problemText, "no such status"},
		{"no content type", "GET", "/api/v1/session", 200, "", session, "content type"},
		{"another content type", "GET", "/api/v1/session", 200, "text/html", session, "text/html"},
		{"a problem that is not called one", "GET", "/api/v1/jobs/x", 404, jsonType, problemText, "application/json"},
		{"a body where none belongs", "DELETE", "/api/v1/session", 204, jsonType, "{}", "none belongs"},
		{"no JSON", "GET", "/api/v1/session", 200, jsonType, "<html>", "not JSON"},
		{"more than one JSON", "GET", "/api/v1/session", 200, jsonType, session + "{}", "not JSON"},
		{"no PNG", "GET", "/api/v1/jobs/x/mask.png", 200, "image/png", "GIF89a", "not a PNG"},
		{"a member that is missing", "GET", "/api/v1/session", 200, jsonType, change(session, `,"seq":7`, ""), "seq"},
		{"a member that nobody named", "GET", "/api/v1/session", 200, jsonType, change(session, `"seq"`, `"mood":1,"seq"`), "mood"},
		{"a nested one", "GET", "/api/v1/session", 200, jsonType, change(session, `"queued"`, `"lost":1,"queued"`), "lost"},
		{"a type", "GET", "/api/v1/session", 200, jsonType, change(session, `"seq":7`, `"seq":"7"`), "seq"},
		{"a state", "GET", "/api/v1/session", 200, jsonType, change(session, "active", "asleep"), "state"},
		{"active without a slot", "GET", "/api/v1/session", 200, jsonType, change(session, `"slot":0`, `"slot":null`), "slot"},
		{"a slot without being active", "GET", "/api/v1/session", 200, jsonType, change(session, "active", "idle"), "slot"},
		{"a position without waiting", "GET", "/api/v1/session", 200, jsonType, change(session, `"position":null`, `"position":1`), "position"},
		{"position 0", "GET", "/api/v1/session", 200, jsonType,
			change(change(change(session, "active", "waiting"), `"slot":0`, `"slot":null`), `"position":null`, `"position":0`), "position"},
		{"a time of another zone", "GET", "/api/v1/jobs/x", 200, jsonType, change(job, ".678Z", ".678+01:00"), "created_at"},
		{"no time", "GET", "/api/v1/jobs/x", 200, jsonType, change(job, "2026-01-02T", "yesterday "), "created_at"},
		{"failed without an error", "GET", "/api/v1/jobs/x", 200, jsonType,
			change(change(job, "queued", "failed"), `"finished_at":null`, `"finished_at":"2026-01-02T03:04:05Z"`), "error"},
		{"done without an end", "GET", "/api/v1/jobs/x", 200, jsonType, change(job, "queued", "done"), "finished_at"},
		{"a code that nobody named", "GET", "/api/v1/jobs/x", 404, problemType, change(problemText, `"code":"not_found"`, `"code":"gone"`), "code"},
		{"a code of another status", "GET", "/api/v1/jobs/x", 404, problemType, change(problemText, `"code":"not_found"`, `"code":"internal"`), "code"},
		{"a status of another status", "GET", "/api/v1/jobs/x", 404, problemType, change(problemText, "404", "400"), "status"},
		{"holes that are null", "GET", "/api/v1/jobs/x/result", 200, jsonType, change(result, `"holes":[]`, `"holes":null`), "holes"},
		{"a ring of three", "GET", "/api/v1/jobs/x/result", 200, jsonType, change(result, `,[0,2]]`, `]`), "polygon"},
		{"a point of three", "GET", "/api/v1/jobs/x/result", 200, jsonType, change(result, `[0,0]`, `[0,0,0]`), "polygon"},
	} {
		err := v.response(c.method, c.path, c.status, c.contentType, []byte(c.body))
		if c.wrong == "" && err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
			t.Errorf("%s: error %v; want a word of %q", c.name, err, c.wrong)
		}
	}
}

// recorder is a testing.TB that only remembers that it failed.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.failed = true }

func TestItFailsTheTest(t *testing.T) {
	v := New(t)
	for name, check := range map[string]func(testing.TB){
		"response": func(tb testing.TB) { v.Response(tb, "GET", "/api/v1/session", 200, jsonType, []byte("{}")) },
		"frame":    func(tb testing.TB) { v.Frame(tb, FromServer, []byte("{}")) },
	} {
		r := &recorder{TB: t}
		check(r)
		if !r.failed {
			t.Errorf("%s: a wrong one passes", name)
		}
	}
	r := &recorder{TB: t}
	v.Response(r, "GET", "/api/v1/session", 200, jsonType, []byte(session))
	v.Frame(r, FromClient, []byte(`{"type":"ping","id":1}`))
	if r.failed {
		t.Error("right ones fail")
	}
}
