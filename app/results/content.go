package results

import (
	"fmt"
	"strconv"
	"strings"

	"seghub/sessions"
)

// first is the name of what the model found.
const first = "first"

// content is what a revision consists of.
type content struct {
	base string // first, or the id of one that was measured anew
	// The changes since, oldest first. Weights are powers of two, and fall.
	changes []link
}

// link is a change, and how many edits it covers.
type link struct {
	weight int
	id     string
}

// parseContent reads what String wrote; empty is the first revision.
func parseContent(text string) (content, error) {
	fields := strings.Fields(text)
	if len(fields) == 0 {
		return content{base: first}, nil
	}
	c := content{base: fields[0]}
	for _, field := range fields[1:] {
		weight, id, _ := strings.Cut(field, ":")
		n, err := strconv.Atoi(weight)
		if err != nil || n < 1 || id == "" {
			return content{}, fmt.Errorf("the content %q of a revision cannot be read", text)
		}
		c.changes = append(c.changes, link{n, id})
	}
	return c, nil
}

func (c content) String() string {
	text := c.base
	for _, l := range c.changes {
		text += fmt.Sprintf(" %d:%s", l.weight, l.id)
	}
	return text
}

// followed is c with one edit more, whose change has an id; that change covers also what is folded, which are c's last ones.
func (c content) followed(id string) (next content, folded []link) {
	weight, n := 1, len(c.changes)
	for ; n > 0 && c.changes[n-1].weight == weight; n-- {
		weight *= 2
	}
	next = content{base: c.base, changes: append(append([]link(nil), c.changes[:n]...), link{weight, id})}
	return next, c.changes[n:]
}

// Names are those of the blobs that a revision refers to, as storage.RevisionOf gives them.
func Names(r sessions.Revision) (names []string) {
	c, err := parseContent(r.Content)
	if err != nil {
		return nil
	}
	if c.base != first {
		names = append(names, c.base+".result", c.base+".labels")
	}
	for _, l := range c.changes {
		names = append(names, l.id+".change")
	}
	if r.Edit != "" {
		names = append(names, r.Edit+".edit")
	}
	return names
}
