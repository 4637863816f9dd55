package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var built = fstest.MapFS{
	".gitignore":             {Data: []byte("*")},
	"index.html":             {Data: []byte("<!doctype html><title>SegHub</title>")},
	"favicon.svg":            {Data: []byte("<svg/>")},
	"assets/index-abc123.js": {Data: []byte("let hub")},
}

func loaded(t *testing.T, files fstest.MapFS) http.Handler {
	t.Helper()
	c, err := load(files)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func get(t *testing.T, h http.Handler, method, target string, header map[string]string) (*http.Response, string) {
	t.Helper()
	request := httptest.NewRequest(method, target, nil)
	for key, value := range header {
		request.Header.Set(key, value)
	}
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, request)
	response := recorder.Result()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func TestHandlerServes(t *testing.T) {
	const navigation, fetch = "text/html,application/xhtml+xml,*/*;q=0.8", "*/*"
	for _, tc := range []struct {
		name, method, target, accept string
		status                       int
		contentType, caching, body   string
	}{
		{"the page", "GET", "/", navigation, 200, "text/html; charset=utf-8", cacheNever, "<!doctype html>"},
		{"the page to a program", "GET", "/", fetch, 200, "text/html; charset=utf-8", cacheNever, "<!doctype html>"},
		{"the page by its name", "GET", "/index.html", fetch, 200, "text/html; charset=utf-8", cacheNever, "<!doctype html>"},
		{"only the head", "HEAD", "/", fetch, 200, "text/html; charset=utf-8", cacheNever, ""},
		{"a hashed asset", "GET", "/assets/index-abc123.js", fetch, 200, "text/javascript; charset=utf-8", cacheForever, "let hub"},
		{"the icon", "GET", "/favicon.svg", fetch, 200, "image/svg+xml", cacheNever, "<svg/>"},
		{"no page for a program's unknown path", "GET", "/images/3", fetch, 404, "text/plain; charset=utf-8", "", "Not found."},
		{"no page for an asset of another build", "GET", "/assets/index-old.js", navigation, 404, "text/plain; charset=utf-8", "", "Not found."},
		{"no file of the repository", "GET", "/.gitignore", fetch, 404, "text/plain; charset=utf-8", "", "Not found."},
		{"no way out of the folder", "GET", "/assets/../../handler.go", fetch, 404, "text/plain; charset=utf-8", "", "Not found."},
		{"no folder", "GET", "/assets/", fetch, 404, "text/plain; charset=utf-8", "", "Not found."},
		{"no writing", "POST", "/", navigation, 405, "text/plain; charset=utf-8", "", "Only GET and HEAD."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			response, body := get(t, loaded(t, built), tc.method, tc.target, map[string]string{"Accept": tc.accept})
			if response.StatusCode != tc.status {
				t.Errorf("status %d, want %d", response.StatusCode, tc.status)
			}
			if got := response.Header.Get("Content-Type"); got != tc.contentType {
				t.Errorf("Content-Type %q, want %q", got, tc.contentType)
			}
			if got := response.Header.Get("Cache-Control"); got != tc.caching {
				t.Errorf("Cache-Control %q, want %q", got, tc.caching)
			}
			if !strings.HasPrefix(body, tc.body) || tc.body == "" && body != "" {
				t.Errorf("body %q, want %q", body, tc.body)
			}
		})
	}
}

// TestUnknownPathLeadsToThePage follows the way under a proxy's path, which the hub does not know.
func TestUnknownPathLeadsToThePage(t *testing.T) {
	h := loaded(t, built)
	for _, target := range []string{"/images", "/images/", "/images/3", "/a//b", "/a%2Fb", "/a/b/c/d"} {
		response, _ := get(t, h, "GET", target, map[string]string{"Accept": "text/html"})
		at, err := url.Parse("https://lab.example/some/hub" + target)
		if err != nil {
			t.Fatal(err)
		}
		to, err := at.Parse(response.Header.Get("Location"))
		if err != nil || response.StatusCode != http.StatusFound || to.String() != "https://lab.example/some/hub/" {
			t.Errorf("%s: status %d, to %v, %v", target, response.StatusCode, to, err)
		}
	}
}

func TestHandlerSparesWhatTheBrowserHas(t *testing.T) {
	h := loaded(t, built)
	first, _ := get(t, h, "GET", "/", nil)
	etag := first.Header.Get("ETag")
	if etag == "" {
		t.Fatal("the page has no ETag")
	}
	again, body := get(t, h, "GET", "/", map[string]string{"If-None-Match": etag})
	if again.StatusCode != http.StatusNotModified || body != "" {
		t.Errorf("status %d with %d bytes, want 304 with none", again.StatusCode, len(body))
	}

	changed := fstest.MapFS{"index.html": {Data: []byte("<!doctype html><title>New</title>")}}
	after, _ := get(t, loaded(t, changed), "GET", "/", map[string]string{"If-None-Match": etag})
	if after.StatusCode != http.StatusOK {
		t.Errorf("status %d for a page that has changed, want 200", after.StatusCode)
	}
}

func TestHandlerWithoutABuildSaysWhatToDo(t *testing.T) {
	response, body := get(t, loaded(t, fstest.MapFS{".gitignore": {Data: []byte("*")}}), "GET", "/", nil)
	if response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "make build") {
		t.Errorf("status %d, body %q; want 503 and a word on make build", response.StatusCode, body)
	}
}

// TestHandlerEmbeds asks the handler of this very binary, whether or not the client was built.
func TestHandlerEmbeds(t *testing.T) {
	response, body := get(t, Handler(), "GET", "/", nil)
	switch response.StatusCode {
	case http.StatusOK:
		if !strings.Contains(body, "<title>SegHub</title>") {
			t.Errorf("the page is not the client: %.100q", body)
		}
	case http.StatusServiceUnavailable:
		if body != notBuilt {
			t.Errorf("body %q", body)
		}
	default:
		t.Errorf("status %d", response.StatusCode)
	}
}
