package httpapi

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"seghub/sessions"
	"seghub/storage"
)

// TestTextsAreCompressed reads the same things with and without compression.
func TestTextsAreCompressed(t *testing.T) {
	e := newEdge(t, func(c *Config) {
		c.Client = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
			_, _ = io.WriteString(w, strings.Repeat("let hub = 1;\n", 1000))
		})
	})
	token := e.session()
	store, err := storage.Open(t.Context(), e.folder)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	var got uploadResponse
	e.upload(token, field("model", "unet"), file("a.png", picture(t, 400, 300))).decode(t, http.StatusAccepted, &got)
	job := got.Accepted[0]
	if err := store.Write(t.Context(), storage.ResultKey("s1", job.ID), []byte(`{"objects":[`+strings.Repeat("1,", 5000)+`1]}`)); err != nil {
		t.Fatal(err)
	}
	e.people.end("s1", job.ID, sessions.JobDone)
	for path, text := range map[string]bool{
		"/assets/x.js": true, "/metrics": true, "/api/v1/jobs/" + job.ID + "/result": true,
		"/api/v1/images/" + job.ImageID: false, "/samples/spheroid.png": false, // compressed already
		"/healthz": false, "/api/v1/none": false, // too small
	} {
		plain := e.ask("GET", path, map[string]string{"Authorization": "Bearer " + token, "Accept-Encoding": "identity"})
		for _, encoding := range []string{"gzip", "zstd", "br"} {
			a := e.ask("GET", path, map[string]string{"Authorization": "Bearer " + token, "Accept-Encoding": encoding})
			used := a.Header.Get("Content-Encoding")
			if want := map[bool]string{true: encoding}[text && encoding != "br"]; used != want {
				t.Errorf("%s for who takes %s: encoding %q, want %q", path, encoding, used, want)
			}
			if !strings.Contains(a.Header.Get("Vary"), "Accept-Encoding") || a.StatusCode != plain.StatusCode {
				t.Errorf("%s: status %d, Vary %q", path, a.StatusCode, a.Header.Get("Vary"))
			}
			if body := decompress(t, used, a.body); path != "/metrics" && !bytes.Equal(body, plain.body) {
				t.Errorf("%s as %q: %d bytes, plain %d", path, used, len(body), len(plain.body))
			}
			if used != "" && len(a.body) > len(plain.body)/2 {
				t.Errorf("%s as %s: %d bytes of %d", path, used, len(a.body), len(plain.body))
			}
		}
	}
	// A part of a text is a part of the text itself.
	part := e.ask("GET", "/api/v1/jobs/"+job.ID+"/result", map[string]string{"Authorization": "Bearer " + token, "Accept-Encoding": "gzip", "Range": "bytes=0-3999"})
	if part.StatusCode != http.StatusPartialContent || part.Header.Get("Content-Encoding") != "" || len(part.body) != 4000 {
		t.Errorf("a range: status %d, %q, %d bytes", part.StatusCode, part.Header.Get("Content-Encoding"), len(part.body))
	}
}

func decompress(t *testing.T, encoding string, data []byte) []byte {
	t.Helper()
	var from io.Reader = bytes.NewReader(data)
	var err error
	switch encoding {
	case "gzip":
		from, err = gzip.NewReader(from)
	case "zstd":
		var decoder *zstd.Decoder
		if decoder, err = zstd.NewReader(from); err == nil {
			defer decoder.Close()
			from = decoder
		}
	}
	if err == nil {
		data, err = io.ReadAll(from)
	}
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", encoding, err))
	}
	return data
}
