package storage

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// s3Server speaks as much of S3 as a Store asks for: whole objects of one bucket, ranges, lists by page.
type s3Server struct {
	mu      sync.Mutex
	objects map[string]s3Object
}

type s3Object struct {
	data    []byte
	written time.Time
}

const s3Page = 100 // objects in one answer to a list

// s3Location starts a server for t and names it.
func s3Location(t *testing.T) string {
	return s3At(t, &s3Server{objects: map[string]s3Object{}})
}

// s3At is the location of a bucket that handler plays.
func s3At(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	return "s3://bucket?region=eu-central-1&use_path_style=true&endpoint=" + url.QueryEscape(server.URL)
}

// TestABucketThatIsNotThereIsNamed is what the operator reads in the log.
func TestABucketThatIsNotThereIsNamed(t *testing.T) {
	s := open(t, s3At(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message></Error>")
	})))
	if err := s.Check(t.Context()); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "NoSuchBucket") {
		t.Errorf("got %v", err)
	}
}

func (s *s3Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key, isObject := strings.CutPrefix(r.URL.Path, "/bucket/")
	switch {
	case !isObject || key == "":
		s.list(w, r.URL.Query())
	case r.Method == http.MethodPut:
		s.put(w, r, key)
	case r.Method == http.MethodDelete:
		s.mu.Lock()
		delete(s.objects, key)
		s.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	default:
		s.get(w, r, key)
	}
}

func (s *s3Server) put(w http.ResponseWriter, r *http.Request, key string) {
	body := io.Reader(r.Body)
	if strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		body = httputil.NewChunkedReader(r.Body) // S3's own chunks, within the request's
	}
	data, err := io.ReadAll(body)
	if err != nil { // the client gave up
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.objects[key]; there && r.Header.Get("If-None-Match") == "*" {
		w.WriteHeader(http.StatusPreconditionFailed)
		_, _ = io.WriteString(w, `<Error><Code>PreconditionFailed</Code><Message>It is there.</Message></Error>`)
		return
	}
	s.objects[key] = s3Object{data, time.Now()}
	w.Header().Set("ETag", `"etag"`)
}

func (s *s3Server) get(w http.ResponseWriter, r *http.Request, key string) {
	s.mu.Lock()
	object, ok := s.objects[key]
	s.mu.Unlock()
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `<Error><Code>NoSuchKey</Code><Message>There is no such key.</Message></Error>`)
		return
	}
	w.Header().Set("ETag", `"etag"`)
	http.ServeContent(w, r, "", object.written, bytes.NewReader(object.data))
}

func (s *s3Server) list(w http.ResponseWriter, query url.Values) {
	type content struct {
		Key          string
		Size         int
		LastModified string
	}
	result := struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
		Contents              []content
		CommonPrefixes        []struct{ Prefix string }
	}{}
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []string
	for key := range s.objects {
		if strings.HasPrefix(key, query.Get("prefix")) && key > query.Get("continuation-token") {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	page := s3Page
	if asked, err := strconv.Atoi(query.Get("max-keys")); err == nil {
		page = min(page, asked)
	}
	if len(keys) > page {
		keys = keys[:page]
		result.IsTruncated, result.NextContinuationToken = true, keys[page-1]
	}
	for _, key := range keys {
		if delimiter := query.Get("delimiter"); delimiter != "" {
			if inside, _, deeper := strings.Cut(strings.TrimPrefix(key, query.Get("prefix")), delimiter); deeper {
				folder := struct{ Prefix string }{query.Get("prefix") + inside + delimiter}
				if !slices.Contains(result.CommonPrefixes, folder) {
					result.CommonPrefixes = append(result.CommonPrefixes, folder)
				}
				continue
			}
		}
		object := s.objects[key]
		result.Contents = append(result.Contents, content{key, len(object.data), object.written.UTC().Format(time.RFC3339)})
	}
	_ = xml.NewEncoder(w).Encode(result)
}

// TestABucketThatFallsSilentIsNotWaitedFor is of a server that takes connections and answers none, as one whose disk hangs.
func TestABucketThatFallsSilentIsNotWaitedFor(t *testing.T) {
	over := make(chan struct{})
	location := s3At(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-over }))
	defer close(over) // before the server waits for those who are answered
	bucket, err := openBucket(t.Context(), location, 10*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	s := &Store{bucket: bucket}
	defer func() { _ = s.Close() }()
	if err := s.Write(t.Context(), "sessions/a/images/b", []byte("pixels")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("writing: %v", err)
	}
	if _, err := s.Read(t.Context(), ImageKey("a", "b")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("reading: %v", err)
	}
}

// TestASlowConnectionIsNoSilence is of a connection that has rested for long when its next request goes out, slowly.
func TestASlowConnectionIsNoSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		conn := &impatientConn{here, 10 * time.Second}
		read := make(chan error, 1)
		go func() {
			_, err := io.ReadFull(conn, make([]byte, 1))
			read <- err
		}()
		wait := func(d time.Duration) { <-time.After(d) }
		wait(9 * time.Second)
		go func() {
			for range 4 {
				wait(9 * time.Second)
				_, _ = io.CopyN(io.Discard, there, atOnce)
			}
			wait(9 * time.Second)
			_, _ = there.Write([]byte{1})
		}()
		if _, err := conn.Write(make([]byte, 4*atOnce)); err != nil {
			t.Error("a slow write: ", err)
		}
		if err := <-read; err != nil {
			t.Error("the answer to it: ", err)
		}
		if _, err := conn.Write([]byte{1}); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("nobody takes what is written: %v", err)
		}
		_ = here.Close()
	})
}

// TestABucketsParametersStay holds what is opened anew to what its URL says.
func TestABucketsParametersStay(t *testing.T) {
	var mu sync.Mutex
	asked := map[string]string{}
	location := s3At(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked["path"] = r.URL.Path
		asked["encryption"] = r.Header.Get("X-Amz-Server-Side-Encryption")
		asked["key"] = r.Header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id")
		w.Header().Set("ETag", `"etag"`)
	}))
	s := open(t, location+"&prefix=lab/&ssetype=AWS:KMS&kmskeyid=ours")
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if want := map[string]string{"path": "/bucket/lab/check", "encryption": "aws:kms", "key": "ours"}; !maps.Equal(asked, want) {
		t.Errorf("got %v, want %v", asked, want)
	}
}
