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

// TestAWrongMemberHasItsOwnName, not that of where the program has it.
func TestAWrongMemberHasItsOwnName(t *testing.T) {
	request := struct{ *mask.Options }{new(mask.Options)}
	err := notExpected(json.Unmarshal([]byte(`{"threshold":"high"}`), &request))
	if got := Problem(err).Detail; !strings.Contains(got, ": threshold cannot be of the type string") {
		t.Error(got)
	}
}
