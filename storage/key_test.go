package storage

import (
	"path/filepath"
	"strings"
	"testing"
)

var badKeys = []string{
	"",
	"/",
	"sessions",
	"sessions/",
	"sessions//images/i",
	"sessions/s/images/",
	"sessions/s/images/..",
	"sessions/../images/i",
	"sessions/s/images/../../../etc/passwd",
	"sessions/s/images/i/more",
	"sessions/s/images/i.attrs",
	"sessions/s/images/i.18c2f.tmp",
	"sessions/s/images/i\n",
	"sessions/s/images/i\x00",
	"sessions/s/images/ä",
	`sessions/s/images/a\b`,
	"sessions/s/jobs/j/other.png",
	"sessions/s/jobs/j/maskXpng",
	"/sessions/s/images/i",
	"images/i",
	"sessions/s/images/" + strings.Repeat("a", 129),
}

// FuzzKey: whatever ids a client makes up, the key names a blob of that very session or is refused.
func FuzzKey(f *testing.F) {
	f.Add("s", "i")
	f.Add("..", "..")
	f.Add("a/images/b", "")
	f.Add("Ab_-9", "x/../../../../etc")
	f.Fuzz(func(t *testing.T, session, id string) {
		for _, key := range []string{ImageKey(session, id), MaskKey(session, id), ProbabilityKey(session, id), ResultKey(session, id)} {
			wellFormed := wellFormedID.MatchString(session) && wellFormedID.MatchString(id)
			if accepted := checkKey(key) == nil; accepted != wellFormed {
				t.Fatalf("session %q, id %q: key accepted %v, ids well formed %v", session, id, accepted, wellFormed)
			}
			if wellFormed && !strings.HasPrefix(filepath.Join("/base", key), "/base/sessions/"+session+"/") {
				t.Fatalf("%q leaves its session", key)
			}
		}
	})
}

func TestSubject(t *testing.T) {
	for key, want := range map[string][2]string{
		ImageKey("s", "i"): {"i", ""}, MaskKey("s", "j"): {"", "j"}, ResultKey("s", "j"): {"", "j"},
		"identity": {}, "hubs/a": {}, "sessions/s/notes/i": {}, "": {},
	} {
		if image, job := Subject(key); image != want[0] || job != want[1] {
			t.Errorf("%q is of image %q, job %q; want %v", key, image, job, want)
		}
	}
}
