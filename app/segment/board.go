package segment

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
)

const (
	shownAtOnce = 8 // files under way that have a bar
	barWidth    = 24
	nameWidth   = 32
	drawEvery   = 100 * time.Millisecond
	clearLine   = "\x1b[2K"
	lineUp      = "\x1b[1A"
	cutOff      = "\x1b[?7l" // what goes beyond the last column, which else goes on in a line that nobody counts
	goOn        = "\x1b[?7h"
)

// Board shows how far the files are: in a terminal a bar for each that is under way and one for all, elsewhere a line for each that
// has ended.
type Board struct {
	w        io.Writer
	terminal bool
	now      func() time.Time

	mu       sync.Mutex // guards all below
	files    []*entry   // under way, in the order in which they began
	entries  map[*item]*entry
	total    int
	done     int
	failed   int
	began    time.Time
	position *int
	waiting  int
	eta      *float64
	drawn    time.Time
	lines    int // on the screen
}

// entry is one file's line.
type entry struct {
	name string
	word string
	part float64 // 0..1
}

// NewBoard shows on w.
func NewBoard(w io.Writer, terminal bool) *Board {
	return &Board{w: w, terminal: terminal, now: time.Now, entries: map[*item]*entry{}}
}

// start says how many files there will be in all.
func (b *Board) start(total int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.total, b.done, b.failed, b.began = total, 0, 0, b.now()
}

// begin says that so many are to be done, also of those that were done and are to be made again.
func (b *Board) begin(left int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done = b.total - left
	b.files = nil
	clear(b.entries)
}

// sendingPart is the part of a file's bar that sending takes; running takes the rest.
const sendingPart = 0.3

func (b *Board) sending(it *item, bytes, size int64) {
	if size > 0 {
		b.set(it, "sending", sendingPart*min(1, float64(bytes)/float64(size)))
	}
}

func (b *Board) running(it *item, stage string, percent int) {
	b.set(it, stage, sendingPart+(1-sendingPart)*float64(percent)/100)
}

func (b *Board) set(it *item, word string, part float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.entries[it]
	if e == nil {
		e = &entry{name: it.Name}
		b.entries[it] = e
		b.files = append(b.files, e)
	}
	e.word, e.part = word, part
	b.drawLocked(false)
}

func (b *Board) ended(it *item, objects int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.entries[it]; e != nil {
		delete(b.entries, it)
		b.files = slices.DeleteFunc(b.files, func(other *entry) bool { return other == e })
	}
	b.done++
	switch {
	case err != nil:
		b.failed++
		b.sayLocked(fmt.Sprintf("%d/%d %s: %v", b.done, b.total, it.Name, err))
	case !b.terminal:
		b.sayLocked(fmt.Sprintf("%d/%d %s: %d objects", b.done, b.total, it.Name, objects))
	}
	b.drawLocked(false)
}

// place tells where in the line the session stands; nil for not in it.
func (b *Board) place(position *int, waiting int, eta *float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.position, b.waiting, b.eta = position, waiting, eta
	b.drawLocked(false)
}

// Say prints a line that stays.
func (b *Board) Say(line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sayLocked(line)
	b.drawLocked(true)
}

// end takes the bars away.
func (b *Board) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wipeLocked()
}

func (b *Board) sayLocked(line string) {
	b.wipeLocked()
	fmt.Fprintln(b.w, plain(line))
}

// plain is a text on one line, in which no file's name steers the terminal.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

func (b *Board) wipeLocked() {
	for range b.lines {
		fmt.Fprint(b.w, lineUp+clearLine)
	}
	b.lines = 0
}

func (b *Board) drawLocked(now bool) {
	if !b.terminal || !now && b.lines > 0 && b.now().Sub(b.drawn) < drawEvery {
		return
	}
	b.drawn = b.now()
	b.wipeLocked()
	fmt.Fprint(b.w, cutOff)
	defer fmt.Fprint(b.w, goOn)
	for _, e := range b.files[:min(shownAtOnce, len(b.files))] {
		fmt.Fprintf(b.w, "%s %s %3.0f %% %s\n", fitted(e.name), bar(e.part), e.part*100, e.word)
		b.lines++
	}
	fmt.Fprintf(b.w, "%s %s %s\n", fitted(fmt.Sprintf("%d of %d files", b.done, b.total)), bar(b.partLocked()), b.wordsLocked())
	b.lines++
}

// partLocked is how much of everything is done.
func (b *Board) partLocked() float64 {
	sum := float64(b.done)
	for _, e := range b.files {
		sum += e.part
	}
	return sum / float64(max(b.total, 1))
}

// wordsLocked are the failures, the place in the line and the time left.
func (b *Board) wordsLocked() string {
	var words []string
	if b.failed > 0 {
		words = append(words, fmt.Sprintf("%d failed", b.failed))
	}
	if b.position != nil {
		place := fmt.Sprintf("number %d in the line", *b.position)
		if b.waiting > 0 {
			place += fmt.Sprintf(" of %d", b.waiting)
		}
		if b.eta != nil {
			place += ", on in " + roughly(time.Duration(*b.eta*float64(time.Second)))
		}
		words = append(words, place)
	}
	if part := b.partLocked(); b.done > 0 && part < 1 {
		elapsed := b.now().Sub(b.began)
		words = append(words, roughly(time.Duration(float64(elapsed)*(1-part)/part))+" left")
	}
	return strings.Join(words, "; ")
}

// roughly says a time as people do.
func roughly(d time.Duration) string {
	switch {
	case d < 90*time.Second:
		return fmt.Sprintf("%.0f s", max(1, d.Seconds()))
	case d < 90*time.Minute:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.1f h", d.Hours())
}

func bar(part float64) string {
	full := int(max(0, min(part, 1))*barWidth + 0.5) // what a hub says need not be true
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", barWidth-full) + "]"
}

// fitted is a name in as many columns as it has, its end rather than its beginning: that tells files apart.
func fitted(name string) string {
	name = plain(name)
	if runes := []rune(name); len(runes) > nameWidth {
		name = "…" + string(runes[len(runes)-nameWidth+1:])
	}
	return fmt.Sprintf("%-*s", nameWidth, name)
}
