package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"seghub/models/mask"
	"seghub/sessions"
	"seghub/sessions/problem"
)

// noImages are those of a session that has none.
type noImages struct{}

func (noImages) Image(context.Context, string, string) (sessions.Job, error) {
	return sessions.Job{}, sessions.ErrNotFound
}

func (noImages) ForgetImage(context.Context, string, string) ([]string, error) {
	return nil, sessions.ErrNotFound
}

func (noImages) Calibrate(context.Context, string, string, *float64) error {
	return sessions.ErrNotFound
}

// TestOptionsOfAnotherJob asks for jobs of an image that is not there, which is found out once the options are right.
func TestOptionsOfAnotherJob(t *testing.T) {
	e := newEdge(t, func(c *Config) { c.Images = noImages{} })
	token := e.session()
	for options, status := range map[string]int{
		`"threshold":0.7,"min_area":5,"split_touching":false,"channel":1`:                http.StatusNotFound,
		`"threshold":"0.7","pages":"1-2","channel":"DAPI"`:                               http.StatusNotFound,
		`"threshold":null,"min_area":null,"pages":null,"channel":null,"pixel_size":null`: http.StatusNotFound,
		`"threshold":"","min_area":5`:                                                    http.StatusBadRequest,
		`"threshold":{}`:                                                                 http.StatusBadRequest,
		`"model":null`:                                                                   http.StatusBadRequest,
		`"treshold":0.7`:                                                                 http.StatusBadRequest,
	} {
		a := e.do("POST", "/api/v1/jobs", token, "application/json", strings.NewReader(`{"images":["x"],"model":"unet",`+options+`}`))
		a.isProblem(t, status, map[int]problem.Code{404: problem.NotFound, 400: problem.BadRequest}[status])
	}
}

// TestTheSameAgainTwice answers with the jobs that the key has made, though nothing more would be taken: the disk is full by now, and the model
// gone.
func TestTheSameAgainTwice(t *testing.T) {
	e := newEdge(t, nil)
	token := e.session()
	made, err := e.people.Submit(t.Context(), strings.TrimPrefix(token, "token-"), "one", []sessions.NewJob{{ImageID: "x"}})
	if err != nil {
		t.Fatal(err)
	}
	e.room = problem.New(problem.QuotaExceeded, "The disk is full.")
	request, err := http.NewRequest("POST", e.server.URL+"/api/v1/jobs", strings.NewReader(`{"images":["x"],"model":"gone"}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Idempotency-Key", "one")
	var got uploadResponse
	e.send(request).decode(t, http.StatusAccepted, &got)
	if len(got.Accepted) != 1 || got.Accepted[0].ID != made[0].ID || got.Rejected == nil {
		t.Errorf("got %+v, want the jobs %+v", got, made)
	}
}

// TestAPixelSizeIsOne looks at what is said of an image that is not there, which is found out once it could be a pixel size.
func TestAPixelSizeIsOne(t *testing.T) {
	e := newEdge(t, func(c *Config) { c.Images = noImages{} })
	token := e.session()
	for body, status := range map[string]int{
		`{"pixel_size":0.25}`:          http.StatusNotFound,
		`{"pixel_size":10000}`:         http.StatusNotFound,
		`{"pixel_size":null}`:          http.StatusNotFound,
		`{"pixel_size":0}`:             http.StatusBadRequest,
		`{"pixel_size":-1}`:            http.StatusBadRequest,
		`{"pixel_size":10001}`:         http.StatusBadRequest,
		`{"pixel_size":"0.25"}`:        http.StatusBadRequest,
		`{"pixel_size":0.25,"unit":1}`: http.StatusBadRequest,
		`{"size":0.25}`:                http.StatusBadRequest,
		`{}`:                           http.StatusBadRequest,
		``:                             http.StatusBadRequest,
	} {
		a := e.do("POST", "/api/v1/images/x/calibrate", token, "application/json", strings.NewReader(body))
		a.isProblem(t, status, map[int]problem.Code{404: problem.NotFound, 400: problem.BadRequest}[status])
	}
}

// TestAWrongMemberHasItsOwnName, not that of where the program has it.
func TestAWrongMemberHasItsOwnName(t *testing.T) {
	request := struct{ *mask.Options }{new(mask.Options)}
	err := notExpected(json.Unmarshal([]byte(`{"threshold":"high"}`), &request))
	if got := Problem(err).Detail; !strings.Contains(got, ": threshold cannot be of the type string") {
		t.Error(got)
	}
}
