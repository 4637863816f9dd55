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

// walk visits the elements of an XML text in order, and the text in them, where chars is not nil. Nothing is expanded in it, and no
// more held than one element.
func walk(text string, visit func(xml.StartElement), chars func(element, text string)) error {
	decoder := xml.NewDecoder(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
	decoder.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) { return input, nil }
	depth, elements, last := 0, 0, ""
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
			depth++
			elements++
			if depth > maxDepth || elements > maxElements {
				return errTooMuch
			}
			last = e.Name.Local
			visit(e)
		case xml.EndElement:
			depth--
			last = ""
		case xml.CharData:
			if chars != nil && last != "" {
				chars(last, string(e))
			}
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
