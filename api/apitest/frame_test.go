package apitest

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"
)

const stats = `{"type":"stats","slots":{"total":4,"active":1},"waiting":0,"workers":[{"slot":0,"device":"cpu","state":"busy",` +
	`"session_is_you":true,"helps_you":false,"model":"m","images_done":3}],"memory":{"used_bytes":1,"total_bytes":2,` +
	`"budget_bytes":2,"booked_bytes":0,"pressure":"normal","breaker":"closed","utilisation":null,"temperature_c":null},"nodes":[],"gpu_unused":null}`

func TestTextFrames(t *testing.T) {
	v := New(t)
	for _, c := range []struct {
		direction string
		frame     string
		wrong     string // a word of the error; empty when the frame is right
	}{
		{FromServer, `{"type":"welcome","session":` + session + `,"seq":7,"resumed":true,"gap":false,"epoch":"e"}`, ""},
		{FromServer, `{"type":"snapshot","session":` + session + `,"jobs":[` + job + `],"seq":7,"epoch":"e"}`, ""},
		{FromServer, `{"type":"session","seq":8,"session":` + session + `}`, ""},
		{FromServer, `{"type":"position","position":1,"waiting":2,"eta_seconds":3.5}`, ""},
		{FromServer, `{"type":"position","position":1,"waiting":2,"eta_seconds":null}`, ""},
		{FromServer, `{"type":"job","seq":9,"job":` + job + `}`, ""},
		{FromServer, `{"type":"progress","job_id":"J1","stage":"infer","done":1,"total":2,"percent":50}`, ""},
		{FromServer, stats, ""},
		{FromServer, `{"type":"draining","reconnect_after_ms":1000}`, ""},
		{FromServer, `{"type":"error","re":{"type":"cancel","job_id":"J1"},"title":"Not found","status":404,"detail":"No.","code":"not_found"}`, ""},
		{FromServer, `{"type":"pong","id":1}`, ""},
		{FromClient, `{"type":"cancel","job_id":"J1"}`, ""},
		{FromClient, `{"type":"watch","stats":true}`, ""},
		{FromClient, `{"type":"ping","id":"a"}`, ""},
		{FromClient, `{"type":"ping"}`, ""},

		{"nobody", `{"type":"pong"}`, "direction"},
		{FromServer, `{"type":"ping"}`, "no such type"},
		{FromClient, `{"type":"pong"}`, "no such type"},
		{FromServer, `{}`, "no such type"},
		{FromServer, `{"type":`, "not JSON"},
		{FromServer, `{"type":"welcome","session":` + session + `,"seq":7,"resumed":true,"gap":true}`, "not"},
		{FromServer, `{"type":"session","session":` + session + `}`, "seq"},
		{FromServer, `{"type":"session","seq":0,"session":` + session + `}`, "seq"},
		{FromServer, `{"type":"job","seq":9,"job":` + change(job, `"percent":0`, `"percent":101`) + `}`, "percent"},
		{FromServer, `{"type":"position","position":0,"waiting":2,"eta_seconds":null}`, "position"},
		{FromServer, `{"type":"progress","seq":3,"job_id":"J1","stage":"infer","done":1,"total":2,"percent":50}`, "seq"},
		{FromServer, `{"type":"progress","job_id":"J1","stage":"dream","done":1,"total":2,"percent":50}`, "stage"},
		{FromServer, change(stats, "busy", "bored"), "state"},
		{FromClient, `{"type":"cancel"}`, "job_id"},
		{FromClient, `{"type":"watch","stats":1}`, "stats"},
	} {
		err := v.frame(c.direction, []byte(c.frame))
		if c.wrong == "" && err != nil {
			t.Errorf("%s: %v", c.frame, err)
		}
		if c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
			t.Errorf("%s: error %v; want a word of %q", c.frame, err, c.wrong)
		}
	}
}

func TestMaskFrames(t *testing.T) {
	v := New(t)
	const header = `{"type":"mask","seq":5,"job_id":"J1","image_id":"I1","final":true,"x":0,"y":0,"width":3,"height":2}`
	tile := change(change(header, `"seq":5,`, ""), `"final":true,"x":0`, `"final":false,"x":64`)
	grey := encode(t, image.NewGray(image.Rect(0, 0, 3, 2)))
	oneBit := encode(t, image.NewPaletted(image.Rect(0, 0, 3, 2), color.Palette{color.Black, color.White}))
	for _, c := range []struct {
		name  string
		frame []byte
		wrong string
	}{
		{"final", binaryFrame(header, grey), ""},
		{"tile", binaryFrame(tile, grey), ""},

		{"empty", nil, "binary frame"},
		{"cut in its length", []byte{0, 0}, "binary frame"},
		{"a length beyond its end", binary.BigEndian.AppendUint32(nil, 99), "99"},
		{"the longest length", []byte{255, 255, 255, 255, 1}, "4294967295"},
		{"no JSON", binaryFrame("mask", grey), "not JSON"},
		{"final without seq", binaryFrame(change(header, `"seq":5,`, ""), grey), "seq"},
		{"final that is elsewhere", binaryFrame(change(header, `"x":0`, `"x":1`), grey), "x"},
		{"tile with seq", binaryFrame(change(tile, `"job_id"`, `"seq":5,"job_id"`), grey), "seq"},
		{"another type", binaryFrame(change(header, `"mask"`, `"masque"`), grey), "type"},
		{"no picture", binaryFrame(header, nil), "picture"},
		{"a picture of another size", binaryFrame(change(header, `"width":3`, `"width":4`), grey), "3 x 2"},
		{"a picture in colours", binaryFrame(header, oneBit), "grey false"},
	} {
		err := v.frame(FromServer, c.frame)
		if c.wrong == "" && err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
			t.Errorf("%s: error %v; want a word of %q", c.name, err, c.wrong)
		}
	}
	if err := v.frame(FromClient, binaryFrame(header, grey)); err == nil {
		t.Error("a client may send masks")
	}
}

func encode(t *testing.T, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func binaryFrame(header string, picture []byte) []byte {
	frame := binary.BigEndian.AppendUint32(nil, uint32(len(header)))
	return append(append(frame, header...), picture...)
}
