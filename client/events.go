package client

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Event is one thing that a session hears: a value of one of the types of this file.
type Event interface{ event() }

type (
	// Welcome is the first event of every connection.
	Welcome struct {
		Session Session `json:"session"`
		Seq     int64   `json:"seq"`
		Epoch   string  `json:"epoch"`
		Resumed bool    `json:"resumed"` // what was missed follows
		Gap     bool    `json:"gap"`     // what was missed is no longer known: a Snapshot follows
	}
	// Snapshot is all there is: on a first connection, and where events were lost. What was known before is void.
	Snapshot struct {
		Session Session `json:"session"`
		Jobs    []Job   `json:"jobs"` // newest first
		Seq     int64   `json:"seq"`
		Epoch   string  `json:"epoch"`
	}
	// SessionChanged says how the session stands now.
	SessionChanged struct {
		Seq     int64   `json:"seq"`
		Session Session `json:"session"`
	}
	// Position is the place in the line; only the newest matters.
	Position struct {
		Position   int      `json:"position"` // 1 = next
		Waiting    int      `json:"waiting"`
		ETASeconds *float64 `json:"eta_seconds"` // nil when unknown
	}
	// JobChanged says how a job stands now.
	JobChanged struct {
		Seq     int64 `json:"seq"`
		Job     Job   `json:"job"`
		Deleted bool  `json:"deleted"` // with its image: the hub knows it no more
	}
	// Edited says that somebody corrected objects of a job.
	Edited struct {
		Seq      int64    `json:"seq"`
		JobID    string   `json:"job_id"`
		Revision int      `json:"revision"`
		Changed  []Object `json:"changed"`
		Removed  []int    `json:"removed"`
		Box      [4]int   `json:"box"` // x, y, width, height
	}
	// Progress says how far a running job is; only the newest of a job matters.
	Progress struct {
		JobID   string `json:"job_id"`
		Stage   string `json:"stage"`
		Done    int    `json:"done"`
		Total   int    `json:"total"`
		Percent int    `json:"percent"` // of the whole job
	}
	// Stats is the state of the hub, for who follows with Follow.Stats.
	Stats struct{ JSON json.RawMessage }
	// Draining says that the hub is going down. Events go on once it is back.
	Draining struct {
		ReconnectAfterMS int64 `json:"reconnect_after_ms"`
	}
	// MaskPiece is a piece of a job's mask, or the whole.
	MaskPiece struct {
		Seq     int64  `json:"seq"` // of a final one
		JobID   string `json:"job_id"`
		ImageID string `json:"image_id"`
		Final   bool   `json:"final"`
		X       int    `json:"x"`
		Y       int    `json:"y"`
		Width   int    `json:"width"`
		Height  int    `json:"height"`
		PNG     []byte `json:"-"` // one channel, 0 or 255; empty of the final frame of a very large image
	}
	// Refused says that a message of this client failed.
	Refused struct{ Problem }
	// Disconnected says that the connection is gone and another one will be tried after a wait.
	Disconnected struct {
		Err  error
		Wait time.Duration
	}
)

func (Welcome) event()        {}
func (Snapshot) event()       {}
func (SessionChanged) event() {}
func (Position) event()       {}
func (JobChanged) event()     {}
func (Edited) event()         {}
func (Progress) event()       {}
func (Stats) event()          {}
func (Draining) event()       {}
func (MaskPiece) event()      {}
func (Refused) event()        {}
func (Disconnected) event()   {}

// kept is the part of every frame that resuming needs.
type kept struct {
	Type string `json:"type"`
	Seq  int64  `json:"seq"`
}

// parseText reads a text frame; a nil Event is of a type that this client does not know, and must bear.
func parseText(data []byte) (Event, kept, error) {
	var k kept
	if err := json.Unmarshal(data, &k); err != nil {
		return nil, k, fmt.Errorf("seghub: a frame: %w", err)
	}
	parse := parsers[k.Type]
	if parse == nil {
		return nil, k, nil
	}
	event, err := parse(data)
	if err != nil {
		err = fmt.Errorf("seghub: a frame %s: %w", k.Type, err)
	}
	return event, k, err
}

var parsers = map[string]func([]byte) (Event, error){
	"welcome":  parse[Welcome],
	"snapshot": parse[Snapshot],
	"session":  parse[SessionChanged],
	"position": parse[Position],
	"job":      parse[JobChanged],
	"edit":     parse[Edited],
	"progress": parse[Progress],
	"draining": parse[Draining],
	"error":    parse[Refused],
	"stats":    func(data []byte) (Event, error) { return Stats{data}, nil },
}

func parse[E Event](data []byte) (Event, error) {
	var e E
	err := json.Unmarshal(data, &e)
	return e, err
}

// parseBinary reads a mask: uint32 big-endian header length, header, PNG.
func parseBinary(data []byte) (Event, kept, error) {
	if len(data) < 4 || uint64(binary.BigEndian.Uint32(data)) > uint64(len(data)-4) {
		return nil, kept{}, errors.New("seghub: a binary frame is shorter than its header")
	}
	end := 4 + int(binary.BigEndian.Uint32(data))
	var m MaskPiece
	if err := json.Unmarshal(data[4:end], &m); err != nil {
		return nil, kept{}, fmt.Errorf("seghub: the header of a mask: %w", err)
	}
	m.PNG = data[end:]
	return m, kept{Type: "mask", Seq: m.Seq}, nil
}
