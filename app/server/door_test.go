package server

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// cookieOf starts a session and gives the name of its cookie, or the status of the refusal.
func cookieOf(t *testing.T, base, host string) (name string, status int) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), "POST", base+"/api/v1/sessions", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	for _, cookie := range response.Cookies() {
		name = cookie.Name
	}
	return name, response.StatusCode
}

// TestTheDoorIsHung goes by the settings: one hub, another one, and the first again.
func TestTheDoorIsHung(t *testing.T) {
	one, two := settings(t), settings(t)
	two.Hosts = []string{"hub.lab.example"}
	hostname, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	first, stop := serve(t, one)
	mine, _ := cookieOf(t, first, "localhost")
	u := newUser(t, first, "Ada")
	for size, want := range map[int]int{30 << 10: 200, 40 << 10: 431} {
		connection, reader := u.open("GET /api/v1/session HTTP/1.1")
		fmt.Fprintf(connection, "X-Large: %s\r\n\r\n", strings.Repeat("x", size))
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("a head of %d KiB: status %d, want %d", size>>10, response.StatusCode, want)
		}
	}
	stop()

	second, stop := serve(t, two)
	for host, want := range map[string]int{
		"localhost": 201, "127.0.0.1:1": 201, hostname: 201, hostname + ".local": 201, "hub.lab.example": 201, "evil.example": 403,
	} {
		if _, status := cookieOf(t, second, host); status != want {
			t.Errorf("called %s: status %d, want %d", host, status, want)
		}
	}
	theirs, _ := cookieOf(t, second, "localhost")
	if mine == theirs || !strings.HasPrefix(mine, "seghub_") {
		t.Errorf("cookies %q and %q", mine, theirs)
	}
	stop()

	again, _ := serve(t, one)
	if after, _ := cookieOf(t, again, "localhost"); after != mine {
		t.Errorf("cookie %q, after a restart %q", mine, after)
	}
}

// TestFilesOfALostSessionGo starts a hub with an embedded Redis again, which knows nothing of who was there.
func TestFilesOfALostSessionGo(t *testing.T) {
	c := settings(t)
	base, stop := serve(t, c)
	u := newUser(t, base, "Ada")
	s := u.connect("")
	u.upload(http.StatusAccepted, samplePNG(t, 0))
	s.untilEnded(1)
	stop()
	folder := c.Data + "/blobs/sessions/" + u.session
	if _, err := os.Stat(folder); err != nil {
		t.Fatalf("nothing is left to be deleted: %v", err)
	}

	c.SessionTTL = 5 * time.Second // as long as the janitor leaves what it does not know
	base, _ = serve(t, c)
	ben := newUser(t, base, "Ben")
	hold := ben.connect("")
	ben.upload(http.StatusAccepted, samplePNG(t, 0))
	image := last(hold.untilEnded(1)).Job.ImageID
	within(t, func() bool {
		_, err := os.Stat(folder)
		return os.IsNotExist(err)
	})
	if data := ben.get("/api/v1/images/" + image); len(data) == 0 {
		t.Error("the files of a living session are gone")
	}
}
