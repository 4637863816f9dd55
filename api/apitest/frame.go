package apitest

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"image/color"
	"image/png"
	"testing"
)

// Who sent a frame.
const (
	FromServer = "server"
	FromClient = "client"
)

// Frame fails t unless the contract has the frame from direction, FromServer or FromClient. A text frame is
// known by its opening brace, which no mask begins with.
func (v *Validator) Frame(t testing.TB, direction string, frame []byte) {
	t.Helper()
	if err := v.frame(direction, frame); err != nil {
		t.Errorf("a frame from the %s against the contract: %v", direction, err)
	}
}

func (v *Validator) frame(direction string, frame []byte) error {
	types, ok := v.frames[direction]
	if !ok {
		return fmt.Errorf("no such direction: %q", direction)
	}
	if !bytes.HasPrefix(frame, []byte("{")) {
		if direction != FromServer {
			return errors.New("only the server sends binary frames")
		}
		return v.maskFrame(frame)
	}
	var head struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(frame, &head); err != nil {
		return fmt.Errorf("not JSON: %w: %.200q", err, frame)
	}
	schema, ok := types[head.Type]
	if !ok {
		return fmt.Errorf("no such type: %.200s", frame)
	}
	return validate(schema, frame)
}

func (v *Validator) maskFrame(frame []byte) error {
	if len(frame) < 4 {
		return fmt.Errorf("a binary frame of %d bytes", len(frame))
	}
	length, rest := int64(binary.BigEndian.Uint32(frame)), frame[4:]
	if length > int64(len(rest)) {
		return fmt.Errorf("a header of %d bytes in a frame of %d", length, len(frame))
	}
	text, picture := rest[:length], rest[length:]
	if err := validate(v.mask, text); err != nil {
		return err
	}
	var header struct{ Width, Height int }
	if err := json.Unmarshal(text, &header); err != nil {
		return err
	}
	config, err := png.DecodeConfig(bytes.NewReader(picture))
	if err != nil {
		return fmt.Errorf("the picture: %w", err)
	}
	if config.ColorModel != color.GrayModel || config.Width != header.Width || config.Height != header.Height {
		return fmt.Errorf("a picture of %d x %d, grey %v, for %s",
			config.Width, config.Height, config.ColorModel == color.GrayModel, text)
	}
	return nil
}
