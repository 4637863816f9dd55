package importer

import (
	"bytes"
	"errors"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxAliases is more than any description has. An alias stands for a copy of its anchor: a few that stand for each other's would
// fill the memory.
const maxAliases = 100

// decodeYAML reads text into to. The error says what is wrong, and in which line, in one line itself.
func decodeYAML(text []byte, to any, options ...yaml.DecodeOption) (err error) {
	defer func() {
		if recover() != nil { // goccy/go-yaml 1.19 does on some malformed files
			err = errors.New("it is no YAML that can be read")
		}
	}()
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // editors on Windows mark UTF-8 so
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return errors.New(yaml.FormatError(err, false, false))
	}
	count := aliases{}
	for _, document := range file.Docs {
		if document.Body != nil {
			ast.Walk(&count, document.Body)
		}
	}
	if count.nested || count.number > maxAliases {
		return errors.New("its aliases stand for too much")
	}
	if err := yaml.UnmarshalWithOptions(text, to, options...); err != nil {
		return errors.New(yaml.FormatError(err, false, false))
	}
	return nil
}

// aliases counts the aliases in a document.
type aliases struct {
	number int
	nested bool // an anchor's content has aliases itself
}

func (a *aliases) Visit(n ast.Node) ast.Visitor {
	switch n := n.(type) {
	case *ast.AliasNode:
		a.number++
	case *ast.AnchorNode:
		inside := aliases{}
		if n.Value != nil {
			ast.Walk(&inside, n.Value)
		}
		a.number += inside.number
		a.nested = a.nested || inside.number > 0 || inside.nested
		return nil
	}
	return a
}
