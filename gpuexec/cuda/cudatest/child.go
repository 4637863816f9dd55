package cudatest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Child runs the rest of the test t, which is body, in a process of its own that has the stand-in's libraries to load, all but those
// without. Call it last. What runs in t before it runs in both processes.
func Child(t *testing.T, settings Settings, body func(t *testing.T, s *StandIn), without ...Library) {
	t.Helper()
	if os.Getenv(childVariable) == t.Name() {
		body(t, &StandIn{folder: filepath.Dir(os.Getenv(logVariable))})
		return
	}
	s := Open(t, without...)
	s.Set(t, settings)
	var pattern []string
	for name := range strings.SplitSeq(t.Name(), "/") {
		pattern = append(pattern, "^"+regexp.QuoteMeta(name)+"$")
	}
	arguments := []string{"-test.run=" + strings.Join(pattern, "/"), "-test.v", "-test.count=1"}
	if end, limited := t.Deadline(); limited {
		// It ends a little before this process does, and so by itself, with what its goroutines were at.
		arguments = append(arguments, "-test.timeout="+max(time.Second, time.Until(end)-10*time.Second).String())
	}
	command := exec.CommandContext(t.Context(), os.Args[0], arguments...)
	command.Env = append(append(os.Environ(), s.Environ()...), childVariable+"="+t.Name())
	out, err := command.CombinedOutput()
	switch reason := regexp.MustCompile(`left out: .*`).Find(out); {
	case err != nil:
		t.Fatalf("in the child process: %v\n%s", err, out)
	case bytes.Contains(out, []byte("--- SKIP")) && reason != nil:
		t.Skip(string(reason))
	case !bytes.Contains(out, []byte("--- PASS: "+t.Name())):
		t.Fatalf("the child process did not run the test:\n%s", out)
	}
	t.Logf("in the child process:\n%s", out)
}
