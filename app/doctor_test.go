package main

import (
	"testing"

	"github.com/alecthomas/kong"
)

// What `serve` refuses to start with, `doctor` takes in, to say it beside all else.
func TestDoctorTakesSettingsThatServeRefuses(t *testing.T) {
	for command, refuses := range map[string]bool{"serve": true, "doctor": false} {
		var c cli
		parser, err := kong.New(&c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse([]string{command, "--slots=0"}); (err != nil) != refuses {
			t.Errorf("%s: %v", command, err)
		}
		if !refuses && c.Doctor.Listen != "127.0.0.1:8080" {
			t.Errorf("%s has not the settings of serve: %+v", command, c.Doctor)
		}
	}
}
