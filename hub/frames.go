package hub

import (
	"encoding/json"
	"fmt"
	"time"

	"seghub/sessions"
	"seghub/sessions/problem"
)

// Types of the frames that the hub itself makes; the others come from sessions as they are sent.
const (
	typeWelcome  = "welcome"
	typeSnapshot = "snapshot"
	typeStats    = "stats"
	typeDraining = "draining"
	typeError    = "error"
	typePong     = "pong"
)

func welcomeFrame(o sessions.Opening) []byte {
	return encode(struct {
		Type    string           `json:"type"`
		Session sessions.Session `json:"session"`
		Seq     int64            `json:"seq"`
		Epoch   string           `json:"epoch"`
		Resumed bool             `json:"resumed"`
		Gap     bool             `json:"gap"`
	}{typeWelcome, o.Session, o.Session.Seq, o.Epoch, o.Resumed, o.Gap})
}

func snapshotFrame(o sessions.Opening) []byte {
	jobs := o.Jobs
	if jobs == nil {
		jobs = []sessions.Job{}
	}
	return encode(struct {
		Type    string           `json:"type"`
		Session sessions.Session `json:"session"`
		Jobs    []sessions.Job   `json:"jobs"`
		Seq     int64            `json:"seq"`
		Epoch   string           `json:"epoch"`
	}{typeSnapshot, o.Session, jobs, o.Session.Seq, o.Epoch})
}

func drainingFrame(reconnectAfter time.Duration) []byte {
	return encode(struct {
		Type             string `json:"type"`
		ReconnectAfterMS int64  `json:"reconnect_after_ms"`
	}{typeDraining, reconnectAfter.Milliseconds()})
}

// errorFrame has the members of p but its type, whose place the frame's type takes.
func errorFrame(re reference, p *problem.Problem) []byte {
	return encode(struct {
		Type   string       `json:"type"`
		Re     reference    `json:"re"`
		Title  string       `json:"title"`
		Status int          `json:"status"`
		Detail string       `json:"detail"`
		Code   problem.Code `json:"code"`
	}{typeError, re, p.Title, p.Status, p.Detail, p.Code})
}

func pongFrame(id json.RawMessage) []byte {
	return encode(struct {
		Type string          `json:"type"`
		ID   json.RawMessage `json:"id,omitempty"`
	}{typePong, id})
}

// statsFrame is the JSON object of stats with a type.
func statsFrame(stats any) ([]byte, error) {
	object, err := json.Marshal(stats)
	if err != nil {
		return nil, err
	}
	if len(object) < len(`{"":0}`) || object[0] != '{' {
		return nil, fmt.Errorf("hub: statistics must be a JSON object with members, not %T", stats)
	}
	return append([]byte(`{"type":"`+typeStats+`",`), object[1:]...), nil
}

// encode is for frames of known types, which cannot fail.
func encode(frame any) []byte {
	data, err := json.Marshal(frame)
	if err != nil {
		panic(fmt.Sprintf("hub: a frame cannot be encoded: %v", err))
	}
	return data
}
