package segment

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestBoardShowsBarsPlaceAndTimeLeft(t *testing.T) {
	var screen bytes.Buffer
	b := NewBoard(&screen, true)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	b.now = func() time.Time { now = now.Add(time.Minute); return now }
	items := []*item{{File: File{Name: "a.tif"}}, {File: File{Name: "b.tif"}}}
	b.start(len(items))
	b.begin(len(items))
	b.sending(items[0], 50, 100)
	position, eta := 2, 120.0
	b.place(&position, 5, &eta)
	b.running(items[0], "infer", 50)
	b.ended(items[0], 12, nil)
	last := screen.String()[strings.LastIndex(screen.String(), clearLine):]
	if narrow := shown(screen.String(), 40); len(narrow) != 1 || !strings.HasPrefix(narrow[0], "1 of 2 files") {
		t.Errorf("a narrow terminal shows %q", narrow)
	}
	for _, want := range []string{"1 of 2 files", "number 2 in the line of 5, on in 2 min", " left"} {
		if !strings.Contains(last, want) {
			t.Errorf("%q is not on the screen: %q", want, last)
		}
	}
	b.ended(items[1], 0, fmt.Errorf("no image"))
	b.end()
	if text := screen.String(); !strings.Contains(text, "2/2 b.tif: no image\n") || !strings.HasSuffix(text, lineUp+clearLine) {
		t.Errorf("at the end: %q", text)
	}
	if narrow := shown(screen.String(), 40); !slices.Equal(narrow, []string{"2/2 b.tif: no image"}) {
		t.Errorf("at the end a narrow terminal shows %q", narrow)
	}
}

func TestABarIsNeverFullerThanFull(t *testing.T) {
	for percent, want := range map[int]string{-900: bar(0), 900: bar(1)} {
		var screen bytes.Buffer
		b := NewBoard(&screen, true)
		b.start(1)
		b.begin(1)
		b.running(&item{}, "infer", percent)
		if text := screen.String(); !strings.Contains(text, want) {
			t.Errorf("%d %%: %q", percent, text)
		}
	}
}

func TestNoNameSteersTheTerminal(t *testing.T) {
	for _, terminal := range []bool{true, false} {
		var screen bytes.Buffer
		b := NewBoard(&screen, terminal)
		odd := &item{File: File{Name: "a\n\x1b[2Jb\r\u009d0;c.tif", Path: "in/a\nb.tif"}}
		b.start(1)
		b.begin(1)
		b.running(odd, "infer", 50)
		b.ended(odd, 0, errors.New("open in/a\nb.tif: no such file"))
		b.Say(Failure{odd.File, errors.New("no\nimage")}.String())
		b.end()
		if text := screen.String(); strings.Contains(text, "a\n") || strings.Contains(text, "\x1b[2J") || strings.ContainsAny(text, "\r\u009d") || strings.Contains(text, "no\n") {
			t.Errorf("%q", text)
		}
	}
}

func shown(text string, columns int) []string {
	lines, row, column, wraps := []string{""}, 0, 0, true
	down := func() {
		if row, column = row+1, 0; row == len(lines) {
			lines = append(lines, "")
		}
	}
	for text != "" {
		size := 1
		switch {
		case strings.HasPrefix(text, lineUp):
			size, row = len(lineUp), max(0, row-1)
		case strings.HasPrefix(text, clearLine):
			size, lines[row] = len(clearLine), ""
		case strings.HasPrefix(text, cutOff):
			size, wraps = len(cutOff), false
		case strings.HasPrefix(text, goOn):
			size, wraps = len(goOn), true
		case text[0] == '\n':
			down()
		default:
			if column == columns && wraps {
				down()
			}
			if column < columns {
				lines[row], column = lines[row]+text[:1], column+1
			}
		}
		text = text[size:]
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}
