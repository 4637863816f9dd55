package doctor

import (
	"fmt"
	"io"
	"strings"
)

// Printer writes findings, one a line, and keeps count.
type Printer struct {
	Out     io.Writer
	Colours bool // of a terminal
	Bad     int  // how many of what was printed
}

// marks begin the lines, and colours are theirs as a terminal knows them.
var (
	marks   = map[Verdict]string{Good: "✓", Doubtful: "!", Bad: "✗"}
	colours = map[Verdict]string{Good: "32", Doubtful: "33", Bad: "31"}
)

// width is of the column of subjects.
const width = 20

// Print writes one finding.
func (p *Printer) Print(f Finding) {
	mark := marks[f.Verdict]
	if p.Colours {
		mark = fmt.Sprintf("\x1b[%sm%s\x1b[0m", colours[f.Verdict], mark)
	}
	text := oneLine(f.Says)
	if f.Remedy != "" {
		text += "; " + oneLine(f.Remedy)
	}
	if f.Verdict == Bad {
		p.Bad++
	}
	fmt.Fprintf(p.Out, "%s %-*s %s\n", mark, width, oneLine(f.Subject), text)
}

// oneLine keeps an error of several lines on one, and a file's name from steering the terminal.
func oneLine(text string) string {
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
	return strings.Join(strings.Fields(clean), " ")
}
