package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

func TestUploadWhoseAnswerIsLostIsAskedAboutAndNotSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newScripted(t)
		requests := 0
		hub.mux.HandleFunc("POST /api/v1/images", func(w http.ResponseWriter, r *http.Request) {
			requests++
			status, body := hub.takeUpload(r)
			if requests == 1 {
				cut(w)
				return
			}
			answer(w, status, body)
		})
		opened := 0
		file := FromBytes("a.png", []byte("pixels"))
		open := file.Open
		file.Open = func() (io.ReadCloser, error) { opened++; return open() }
		sent, err := hub.open().Upload(t.Context(), Upload{Model: "m", Files: []File{file}})
		if err != nil || len(sent.Accepted) != 1 {
			t.Fatalf("%+v, %v", sent, err)
		}
		if requests != 2 || opened != 1 || hub.files != 1 {
			t.Errorf("%d requests, the file was read %d times and came in %d times; want 2, 1 and 1", requests, opened, hub.files)
		}
	})
}

func TestFieldsAreWhatIsSet(t *testing.T) {
	fields := Upload{Model: "m", Options: Options{Diameter: 31.5}}.fields()
	if !slices.Contains(fields, [2]string{"diameter", "31.5"}) {
		t.Errorf("%q", fields)
	}
	for _, field := range (Upload{Model: "m"}).fields() {
		if field[0] == "diameter" {
			t.Errorf("%q is not set", field)
		}
	}
}

func TestUploadThatNeverArrivedIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newScripted(t)
		requests := 0
		hub.mux.HandleFunc("POST /api/v1/images", func(w http.ResponseWriter, r *http.Request) {
			if requests++; requests == 1 {
				_, _ = io.CopyN(io.Discard, r.Body, 1000)
				cut(w)
				return
			}
			status, body := hub.takeUpload(r)
			answer(w, status, body)
		})
		files := []File{FromBytes("a.png", bytes.Repeat([]byte("a"), 100_000)), FromBytes("b.png", []byte("b"))}
		unknown := files[1]
		unknown.Name, unknown.Size = "c.png", -1
		var total int64
		sent, err := hub.open().Upload(t.Context(), Upload{Model: "m", Files: append(files, unknown), Moved: func(n int64) { total = n }})
		if err != nil || len(sent.Accepted) != 3 || hub.files != 3 || total != 100_002 {
			t.Errorf("%+v, %v; %d files came in, %d bytes were told", sent, err, hub.files, total)
		}
	})
}

// TestUploadThatTakesLongerThanAHubMayBeAwayIsSentAgain has it break after six minutes, again and again: a few times, or always.
func TestUploadThatTakesLongerThanAHubMayBeAwayIsSentAgain(t *testing.T) {
	for _, breaks := range []int{sendsAtLeast - 1, 1000} {
		synctest.Test(t, func(t *testing.T) {
			hub := newScripted(t)
			broke := 0
			hub.mux.HandleFunc("POST /api/v1/images", func(w http.ResponseWriter, r *http.Request) {
				if r.ContentLength > 1<<20 && broke < breaks {
					broke++
					for range 12 {
						_, _ = io.CopyN(io.Discard, r.Body, 64<<10)
						<-time.After(30 * time.Second)
					}
					cut(w)
					return
				}
				status, body := hub.takeUpload(r)
				answer(w, status, body)
			})
			file := FromBytes("a.tif", make([]byte, 2<<20))
			sent, err := hub.open().Upload(t.Context(), Upload{Model: "m", Files: []File{file}})
			if breaks < sendsAtLeast && (err != nil || len(sent.Accepted) != 1) {
				t.Errorf("%+v, %v after %d breaks", sent, err, broke)
			}
			var p *Problem
			if breaks > sendsAtLeast && (!errors.As(err, &p) || broke != sendsAtLeast) {
				t.Errorf("%v after %d breaks", err, broke)
			}
		})
	}
}

func TestFullHubIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newScripted(t)
		began := time.Now()
		hub.mux.HandleFunc("POST /api/v1/images", func(w http.ResponseWriter, r *http.Request) {
			if time.Since(began) < time.Hour { // far beyond GiveUp: the hub is there
				w.Header().Set("Retry-After", "30")
				answer(w, http.StatusTooManyRequests, Problem{Code: codeQueueFull, Detail: "Full."})
				return
			}
			status, body := hub.takeUpload(r)
			answer(w, status, body)
		})
		if _, err := hub.open().Upload(t.Context(), Upload{Model: "m", Files: []File{FromBytes("a", []byte("a"))}}); err != nil {
			t.Error(err)
		}
	})
}

func TestWhatTheHubRefusesIsNotSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newScripted(t)
		requests := 0
		hub.mux.HandleFunc("POST /api/v1/images", func(w http.ResponseWriter, _ *http.Request) {
			requests++
			answer(w, http.StatusUnsupportedMediaType, map[string]any{"code": "unsupported_format", "detail": "No image.",
				"rejected": []Rejection{{Filename: "a.txt", Code: "unsupported_format", Detail: "No image."}}})
		})
		_, err := hub.open().Upload(t.Context(), Upload{Model: "m", Files: []File{FromBytes("a.txt", []byte("a"))}})
		var p *Problem
		if !errors.As(err, &p) || p.Code != "unsupported_format" || len(p.Rejected) != 1 || requests != 1 {
			t.Errorf("%v after %d requests", err, requests)
		}
	})
}

func TestNamesThatNoHeaderMayHoldAreSentWithoutThat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newScripted(t)
		hub.mux.HandleFunc("POST /api/v1/images", func(w http.ResponseWriter, r *http.Request) {
			status, body := hub.takeUpload(r)
			answer(w, status, body)
		})
		sent, err := hub.open().Upload(t.Context(), Upload{Model: "m", Files: []File{FromBytes("a\x01 \"\u00e9\xe9\"\t\x7f.png", []byte("pixels"))}})
		if err != nil || len(sent.Accepted) != 1 || !strings.HasPrefix(sent.Accepted[0].Filename, "a \"\u00e9") {
			t.Errorf("%+v, %v", sent, err)
		}
	})
}

func TestFileThatIsGoneFailsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newScripted(t)
		hub.mux.HandleFunc("POST /api/v1/images", func(w http.ResponseWriter, r *http.Request) {
			status, body := hub.takeUpload(r)
			answer(w, status, body)
		})
		began := time.Now()
		_, err := hub.open().Upload(t.Context(), Upload{Model: "m", Files: []File{FromDisk(filepath.Join(t.TempDir(), "gone"))}})
		if !errors.Is(err, fs.ErrNotExist) || time.Since(began) > 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if err == nil || strings.Contains(err.Error(), "http") {
			t.Errorf("what is wrong here is said of the hub: %v", err)
		}
	})
}

// TestFileThatChangesWhileItIsSentFailsAtOnce has one that grows, one that shrinks and one whose disk fails: no other try mends them, and
// the hub is not to blame.
func TestFileThatChangesWhileItIsSentFailsAtOnce(t *testing.T) {
	broken := errors.New("input/output error")
	for name, test := range map[string]struct {
		read io.Reader
		want error
	}{
		"grows":   {strings.NewReader("more pixels"), errChanged},
		"shrinks": {strings.NewReader("pix"), errChanged},
		"breaks":  {io.MultiReader(strings.NewReader("pix"), iotest.ErrReader(broken)), broken},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hub := newScripted(t)
				hub.mux.HandleFunc("POST /api/v1/images", func(w http.ResponseWriter, r *http.Request) {
					_, _ = hub.takeUpload(r)
					cut(w)
				})
				began := time.Now()
				file := File{Name: "a.tif", Size: 6, Open: func() (io.ReadCloser, error) { return io.NopCloser(test.read), nil }}
				_, err := hub.open().Upload(t.Context(), Upload{Model: "m", Files: []File{file}})
				if !errors.Is(err, test.want) || !IsLocal(err) || time.Since(began) > 0 {
					t.Errorf("%v after %v", err, time.Since(began))
				}
			})
		})
	}
}

func TestWhatIsNoFileIsNotOpened(t *testing.T) {
	hub := newScripted(t)
	hub.mux.HandleFunc("POST /api/v1/images", func(w http.ResponseWriter, r *http.Request) {
		status, body := hub.takeUpload(r)
		answer(w, status, body)
	})
	_, err := hub.open().Upload(t.Context(), Upload{Model: "m", Files: []File{FromDisk(os.DevNull)}})
	if !errors.Is(err, errNotAFile) || !IsLocal(err) || !strings.Contains(err.Error(), os.DevNull) {
		t.Errorf("a device: %v", err)
	}
}

func TestHubThatIsAwayIsGivenUpInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newScripted(t)
		hub.mux.HandleFunc("GET /api/v1/session", func(w http.ResponseWriter, _ *http.Request) { cut(w) })
		c := hub.open()
		tries := 0
		c.config.Retrying = func(error, time.Duration) { tries++ }
		began := time.Now()
		if _, err := c.Session(t.Context()); err == nil {
			t.Error("a hub that never answers answered")
		}
		if after := time.Since(began); after < defaultGiveUp || tries < 10 {
			t.Errorf("given up after %v and %d tries", after, tries)
		}
	})
}

// TestAProxyThatAsksForHoursIsGivenUpToo has one without a hub behind it, as on the day of its maintenance.
func TestAProxyThatAsksForHoursIsGivenUpToo(t *testing.T) {
	for _, asked := range []string{"86400", "9223372036854775807"} {
		synctest.Test(t, func(t *testing.T) {
			hub := newScripted(t)
			hub.mux.HandleFunc("GET /api/v1/session", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", asked)
				http.Error(w, "maintenance", http.StatusServiceUnavailable)
			})
			began := time.Now()
			if _, err := hub.open().Session(t.Context()); err == nil {
				t.Error("a hub that is not there answered")
			}
			if after := time.Since(began); after < defaultGiveUp || after > 3*defaultGiveUp {
				t.Errorf("given up after %v", after)
			}
		})
	}
}

func TestConnectionThatMovesNothingIsBroken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newScripted(t)
		requests := 0
		hub.mux.HandleFunc("GET /api/v1/session", func(w http.ResponseWriter, r *http.Request) {
			if requests++; requests == 1 {
				<-r.Context().Done() // a cable that was pulled: nobody says a word
				return
			}
			answer(w, http.StatusOK, Session{ID: "s1"})
		})
		if s, err := hub.open().Session(t.Context()); err != nil || s.ID != "s1" || requests != 2 {
			t.Errorf("%+v, %v after %d requests", s, err, requests)
		}
	})
}

func TestDownloadThatBreaksIsBegunAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newScripted(t)
		requests := 0
		hub.mux.HandleFunc("GET /api/v1/jobs/j1/mask.png", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "8")
			if requests++; requests == 1 {
				_, _ = io.WriteString(w, "half")
				_ = http.NewResponseController(w).Flush()
				cut(w)
				return
			}
			_, _ = io.WriteString(w, "the mask")
		})
		c := hub.open()
		var got bytes.Buffer
		err := c.Download(t.Context(), "j1", "mask.png", func() (io.Writer, error) { got.Reset(); return &got, nil })
		if err != nil || got.String() != "the mask" {
			t.Errorf("%q, %v", got.String(), err)
		}
		full := errors.New("disk full")
		err = c.Download(t.Context(), "j1", "mask.png", func() (io.Writer, error) { return failing{full}, nil })
		if !errors.Is(err, full) || requests != 3 {
			t.Errorf("a writer that fails: %v after %d requests", err, requests)
		}
	})
}

// TestExportOfFewAndOfManyJobs asks for more than an address holds, and for what an older hub gives, too.
func TestExportOfFewAndOfManyJobs(t *testing.T) {
	hub := newScripted(t)
	hub.mux.HandleFunc("GET /api/v1/export", func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.URL.Query())
	})
	hub.mux.HandleFunc("POST /api/v1/export", func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			Format string
			Jobs   []string
		}
		err := json.NewDecoder(r.Body).Decode(&asked)
		_, _ = fmt.Fprint(w, asked.Format, len(asked.Jobs), asked.Jobs == nil, err)
	})
	c := hub.open()
	for want, jobs := range map[string][]string{
		"csv2000 false <nil>":            make([]string, 2000),
		"map[format:[csv] job:[j1 j&2]]": {"j1", "j&2"},
		"map[format:[csv]]":              nil,
	} {
		var got bytes.Buffer
		if err := c.Export(t.Context(), "csv", jobs, func() (io.Writer, error) { return &got, nil }); err != nil || got.String() != want {
			t.Errorf("%q, %v, want %q", got.String(), err, want)
		}
	}
}

// TestAnExportMayTakeItsTime: a table of many results begins once all are read. Nothing else is silent for so long.
func TestAnExportMayTakeItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newScripted(t)
		requests := 0
		late := func(w http.ResponseWriter, r *http.Request) {
			requests++
			_, _ = io.Copy(io.Discard, r.Body)
			select {
			case <-time.After(defaultGiveUp - time.Second):
			case <-r.Context().Done():
			}
			_, _ = io.WriteString(w, "a table")
		}
		hub.mux.HandleFunc("GET /api/v1/export", late)
		hub.mux.HandleFunc("GET /api/v1/jobs/j1/mask.png", late)
		c := hub.open()
		nowhere := func() (io.Writer, error) { return io.Discard, nil }
		if err := c.Export(t.Context(), "xlsx", nil, nowhere); err != nil || requests != 1 {
			t.Errorf("%v after %d requests", err, requests)
		}
		if err := c.Download(t.Context(), "j1", "mask.png", nowhere); !errors.Is(err, errStalled) {
			t.Errorf("a download: %v", err)
		}
	})
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestAddressesOfNoHub(t *testing.T) {
	for _, address := range []string{"", "hub", "ftp://hub", "127.0.0.1:8080", "http://"} {
		if _, err := Open(t.Context(), Config{URL: address, Token: "t"}); err == nil {
			t.Errorf("%q was taken", address)
		}
	}
}

// TestAnAddressOfSomethingElseIsSaid asks what is no hub, and whose answers say nothing of use.
func TestAnAddressOfSomethingElseIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		other := newScripted(t)
		other.mux.HandleFunc("GET /api/v1/models", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "what?", http.StatusMethodNotAllowed)
		})
		_, err := other.open().Models(t.Context())
		if err == nil || !strings.Contains(err.Error(), "/api/v1/models is no hub's: it answers 405") {
			t.Error(err)
		}
		other.mux.HandleFunc("GET /api/v1/session", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "<!DOCTYPE html>Sign in")
		})
		began := time.Now()
		_, err = other.open().Session(t.Context())
		if err == nil || !strings.Contains(err.Error(), `/api/v1/session is no hub's: it answers with "text/html"`) || time.Since(began) > 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// TestWhatAProxyWantsIsSaid has one before the hub that asks for a password, or takes little at once.
func TestWhatAProxyWantsIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for status, want := range map[int]string{
			http.StatusUnauthorized:          "say them in the address, as http://USER:PASSWORD@hub",
			http.StatusRequestEntityTooLarge: "takes no file of this size",
		} {
			proxy := newScripted(t)
			proxy.mux.HandleFunc("POST /api/v1/images", func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				if status == http.StatusUnauthorized {
					w.Header().Set("WWW-Authenticate", `Basic realm="lab"`)
				}
				http.Error(w, "<html>", status)
			})
			_, err := proxy.open().Upload(t.Context(), Upload{Model: "m", Files: []File{FromBytes("a.png", []byte("a"))}})
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%d: %v", status, err)
			}
		}
	})
}

// TestWhereTheHubIsInsteadIsSaid has a proxy send plain HTTP on to TLS, as they do with either of these.
func TestWhereTheHubIsInsteadIsSaid(t *testing.T) {
	for _, status := range []int{http.StatusMovedPermanently, http.StatusPermanentRedirect} {
		synctest.Test(t, func(t *testing.T) {
			proxy := newScripted(t)
			proxy.mux.HandleFunc("POST /seghub/api/v1/sessions", func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "https://hub"+r.URL.Path, status)
			})
			config := proxy.config()
			config.URL += "/seghub/"
			began := time.Now()
			_, err := Open(t.Context(), config)
			if err == nil || !strings.Contains(err.Error(), "it leads to https://hub/seghub/api/v1/sessions") || time.Since(began) > 0 {
				t.Errorf("%d: %v after %v", status, err, time.Since(began))
			}
		})
	}
}

func TestAddressesAsBrowsersShowThem(t *testing.T) {
	for _, address := range []string{"http://hub", "HTTP://hub/", "http://hub/?", "http://hub/?lang=de#job=1"} {
		c, err := Open(t.Context(), Config{URL: address, Token: "t"})
		if err != nil || c.base != "http://hub/api/v1" {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestFromDiskKnowsTheSize(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.png")
	if err := os.WriteFile(path, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	if f := FromDisk(path); f.Name != "a.png" || f.Size != 3 {
		t.Errorf("%+v", f)
	}
}

// TestBodyIsClosedWhileItIsRead is what HTTP/2 does where a hub answers before it has all: a matter for the race detector.
func TestBodyIsClosedWhileItIsRead(t *testing.T) {
	b, _, err := Upload{Files: slices.Repeat([]File{FromBytes("a.png", []byte("abc"))}, 100)}.body("boundary")
	if err != nil {
		t.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(func() { _, err = io.Copy(io.Discard, b) })
	closed := b.Close()
	reading.Wait()
	if err != nil || closed != nil {
		t.Errorf("%v, %v", err, closed)
	}
}
