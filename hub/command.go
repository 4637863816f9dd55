package hub

import (
	"encoding/json"
	"unicode/utf8"
)

// What a client may ask.
const (
	commandCancel = "cancel"
	commandWatch  = "watch"
	commandPing   = "ping"
)

// command is one message of a client.
type command struct {
	Type  string          `json:"type"`
	JobID string          `json:"job_id"` // of cancel
	Stats *bool           `json:"stats"`  // of watch
	ID    json.RawMessage `json:"id"`     // of ping: a number or a string, or nothing
}

// reference names the message that an error frame is about.
type reference struct {
	Type  string          `json:"type"`
	JobID string          `json:"job_id,omitempty"`
	ID    json.RawMessage `json:"id,omitempty"`
}

func (c command) reference() reference { return reference{Type: c.Type, JobID: c.JobID, ID: c.ID} }

// violation is what a client did against the protocol, in a sentence for it.
type violation string

func (v violation) Error() string { return string(v) }

// parseCommand reads one text frame. Members that it does not know are left for later versions. The error
// is a violation.
func parseCommand(data []byte) (command, error) {
	var c command
	if !utf8.Valid(data) {
		return command{}, violation("A text frame must be UTF-8.")
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return command{}, violation("A text frame must be a JSON object of the protocol.")
	}
	switch c.Type {
	case commandCancel:
		if c.JobID == "" {
			return command{}, violation("cancel needs a job_id.")
		}
	case commandWatch:
		if c.Stats == nil {
			return command{}, violation("watch needs stats, true or false.")
		}
	case commandPing:
		if len(c.ID) > 0 && !isNumberOrString(c.ID) {
			return command{}, violation("The id of a ping must be a number or a string.")
		}
	default:
		return command{}, violation("The type must be cancel, watch or ping.")
	}
	return c, nil
}

// isNumberOrString judges valid JSON by how it begins.
func isNumberOrString(value json.RawMessage) bool {
	first := value[0]
	return first == '"' || first == '-' || '0' <= first && first <= '9'
}
