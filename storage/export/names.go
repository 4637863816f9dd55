package export

import (
	"path"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxStem is the longest stem in bytes: file systems take names of 255, and there are endings to come.
const maxStem = 180

// Names are the stems that were given out, in lower case: not every file system tells cases apart. Beside each is the last number that made
// another of it, 1 where none did: a program may give all of its images one name.
type Names map[string]int

// Of gives a stem for the files of one page that no other has.
func (n Names) Of(filename string, page, pages int) string {
	stem := safeStem(filename)
	if pages > 1 {
		stem += "-page-" + strconv.Itoa(page+1)
	}
	unique, first := stem, strings.ToLower(stem)
	for n[strings.ToLower(unique)] > 0 {
		n[first]++
		unique = stem + "-" + strconv.Itoa(n[first])
	}
	n.Take(unique)
	return unique
}

// Take keeps a stem from being given out.
func (n Names) Take(stem string) {
	lower := strings.ToLower(stem)
	n[lower] = max(n[lower], 1)
}

// reserved are the names that are devices to Windows, whatever their ending.
var reserved = map[string]bool{"con": true, "prn": true, "aux": true, "nul": true,
	"com1": true, "com2": true, "com3": true, "com4": true, "com5": true, "com6": true, "com7": true, "com8": true, "com9": true,
	"lpt1": true, "lpt2": true, "lpt3": true, "lpt4": true, "lpt5": true, "lpt6": true, "lpt7": true, "lpt8": true, "lpt9": true}

// shortened is a name without what is too much of it in its middle: the ends of names tell images apart.
func shortened(name string) string {
	if len(name) <= maxStem {
		return name
	}
	const gap, begin = "...", maxStem / 3
	head, tail := begin, len(name)-(maxStem-begin-len(gap))
	for !utf8.RuneStart(name[head]) {
		head--
	}
	for tail < len(name) && !utf8.RuneStart(name[tail]) {
		tail++
	}
	return name[:head] + gap + name[tail:]
}

// safeStem is what is left of a file's name, without its ending, that every file system takes and no path is made of. Letters of
// all scripts stay, in their composed form.
func safeStem(filename string) string {
	name := norm.NFC.String(strings.ToValidUTF8(filename, "_"))
	name = path.Base(name)
	if ending := path.Ext(name); ending != name {
		name = strings.TrimSuffix(name, ending)
	}
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || strings.ContainsRune(`/\<>:"|?*`, r) {
			return '_'
		}
		return r
	}, name)
	name = strings.Trim(shortened(name), " .") // hidden on one system, dropped on another
	if base, _, _ := strings.Cut(strings.ToLower(name), "."); name == "" || reserved[strings.TrimSpace(base)] {
		name = "image-" + name
	}
	return strings.TrimSuffix(name, "-")
}
