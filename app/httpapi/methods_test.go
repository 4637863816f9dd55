package httpapi

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestHeadAnswersAsGetDoes asks for everything that can be read, by one who may and by one who may not.
func TestHeadAnswersAsGetDoes(t *testing.T) {
	e := newEdge(t, nil)
	ada := e.session()
	var got uploadResponse
	e.upload(ada, field("model", "unet"), file("a.png", picture(t, 40, 30))).decode(t, http.StatusAccepted, &got)
	image := "/api/v1/images/" + got.Accepted[0].ImageID
	paths := []string{"/", "/healthz", "/readyz", "/metrics", "/samples", "/samples/spheroid.png", "/samples/none.png",
		"/api/v1/none", "/api/v1/jobs", "/api/v1/jobs/" + got.Accepted[0].ID, image, image + "/preview"}
	for _, call := range calls {
		if method, path, _ := strings.Cut(call, " "); method == "GET" {
			paths = append(paths, "/api/v1"+path)
		}
	}
	for _, path := range paths {
		for _, token := range []string{ada, "wrong"} {
			get, head := e.get(path, token), e.do("HEAD", path, token, "", nil)
			if head.StatusCode != get.StatusCode || len(head.body) > 0 || head.Header.Get("Content-Type") != get.Header.Get("Content-Type") {
				t.Errorf("HEAD %s: %d %q, %d bytes; GET: %d %q", path, head.StatusCode, head.Header.Get("Content-Type"), len(head.body),
					get.StatusCode, get.Header.Get("Content-Type"))
			}
		}
	}
}

func TestWrongMethodHearsTheRightOnes(t *testing.T) {
	e := newEdge(t, nil)
	for path, want := range map[string][]string{
		"/api/v1/jobs": {"GET", "HEAD", "POST", "DELETE"}, "/api/v1/images": {"POST"}, "/healthz": {"GET", "HEAD"}, "/samples/spheroid.png": {"GET", "HEAD"},
	} {
		a := e.do("PATCH", path, "", "", nil)
		if a.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s: status %d", path, a.StatusCode)
		}
		allowed := strings.Split(a.Header.Get("Allow"), ", ")
		if len(allowed) != len(want) {
			t.Errorf("%s: Allow %v, want %v", path, allowed, want)
		}
		for _, method := range want {
			if !strings.Contains(a.Header.Get("Allow"), method) {
				t.Errorf("%s: Allow %v has no %s", path, allowed, method)
			}
		}
	}
}

// TestMetricsDoNotGrowWithWhatIsAsked invents methods and paths.
func TestMetricsDoNotGrowWithWhatIsAsked(t *testing.T) {
	e := newEdge(t, nil)
	series := func() int {
		return strings.Count(string(e.get("/metrics", "").body), "seghub_http_request_seconds_count")
	}
	ask := func(n int) {
		for i := range n {
			e.do(fmt.Sprint("A", i), "/healthz", "", "", nil)
			e.do(fmt.Sprint("A", i), fmt.Sprint("/nothing/", i), "", "", nil)
			e.get(fmt.Sprint("/api/v1/jobs/", i), "")
		}
	}
	ask(1)
	before := series()
	ask(50)
	// The scrape itself was counted in between.
	if after := series(); after > before+1 {
		t.Errorf("%d series become %d", before, after)
	}
}
