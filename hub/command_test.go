package hub

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseCommand(t *testing.T) {
	for text, want := range map[string]command{
		`{"type":"cancel","job_id":"j1"}`:            {Type: commandCancel, JobID: "j1"},
		`{"type":"watch","stats":true}`:              {Type: commandWatch, Stats: ptr(true)},
		`{"type":"watch","stats":false,"later":[1]}`: {Type: commandWatch, Stats: ptr(false)},
		` {"id":"x", "type":"ping"} `:                {Type: commandPing, ID: json.RawMessage(`"x"`)},
	} {
		got, err := parseCommand([]byte(text))
		if err != nil || got.Type != want.Type || got.JobID != want.JobID || string(got.ID) != string(want.ID) ||
			(got.Stats == nil) != (want.Stats == nil) || got.Stats != nil && *got.Stats != *want.Stats {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		``, `null`, `[]`, `1`, `"ping"`, `{}`, `{"type":1}`, `{"type":"PING"}`, `{"type":"cancel"}`, `{"type":"cancel","job_id":7}`,
		`{"type":"watch"}`, `{"type":"watch","stats":"yes"}`, `{"type":"ping","id":{}}`, `{"type":"ping","id":null}`,
		`{"type":"ping","id":[1]}`, `{"type":"ping"}{"type":"ping"}`, `{"type":"ping"`, "{\"type\":\"ping\",\"id\":\"\xff\"}",
	} {
		if got, err := parseCommand([]byte(text)); err == nil {
			t.Errorf("%s: got %+v, want an error", text, got)
		}
	}
}

func ptr[T any](v T) *T { return &v }

func FuzzParseCommand(f *testing.F) {
	for _, seed := range []string{
		`{"type":"cancel","job_id":"j1"}`, `{"type":"watch","stats":true}`, `{"type":"ping","id":1}`, `{"type":"ping","id":"\ud800"}`,
		`{"type":"reboot"}`, `null`, `[[[[`, "\xff",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parseCommand(data)
		if err != nil {
			if reason := err.Error(); len(reason) > 123 || !utf8.ValidString(reason) || !strings.HasSuffix(reason, ".") {
				t.Errorf("%q does not fit a close frame", reason)
			}
			return
		}
		// What is echoed must be valid in the frames that echo it.
		var re reference
		echoed, err := json.Marshal(c.reference())
		if err != nil || json.Unmarshal(echoed, &re) != nil || re.Type != c.Type {
			t.Errorf("%s is echoed as %s, %v", data, echoed, err)
		}
		if c.Type == commandPing && !json.Valid(pongFrame(c.ID)) {
			t.Errorf("%s is answered with %s", data, pongFrame(c.ID))
		}
	})
}
