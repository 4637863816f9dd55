package planes

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// No description that a program writes is deeper, or has more elements.
const (
	maxDepth    = 64
	maxElements = 2_000_000
)

var errTooMuch = errors.New("the XML is deeper or longer than any program writes")

// walk visits the elements of an XML text in order, and the text in them, where chars is not nil. within are the names of the elements
// from the root on, that itself last; it is good until the next call. Nothing is expanded, and no more held than one element. What people typed
// into a program, which wrote it down as it was, does no harm: characters that XML knows not, and an & that begins nothing. Nor does what
// follows the root.
func walk(text string, visit func(e xml.StartElement, within []string), chars func(within []string, text string)) error {
	decoder := xml.NewDecoder(strings.NewReader(strings.Map(withoutControls, strings.TrimPrefix(text, "\ufeff"))))
	decoder.Strict = false
	decoder.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) { return input, nil }
	var within []string
	elements := 0
	for {
		token, err := decoder.RawToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch e := token.(type) {
		case xml.StartElement:
			within = append(within, e.Name.Local)
			elements++
			if len(within) > maxDepth || elements > maxElements {
				return errTooMuch
			}
			visit(e, within)
		case xml.EndElement:
			within = within[:max(0, len(within)-1)]
			if len(within) == 0 {
				return nil
			}
		case xml.CharData:
			if chars != nil && len(within) > 0 {
				chars(within, string(e))
			}
		}
	}
}

// withoutControls is for strings.Map: of the characters that XML does not know, those that UTF-8 can hold are left out.
func withoutControls(r rune) rune {
	if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == '\ufffe' || r == '\uffff' {
		return -1
	}
	return r
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
