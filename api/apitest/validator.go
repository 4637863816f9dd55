package apitest

import (
	"bytes"
	"fmt"
	"mime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Validator knows the contract. Its methods may be called at the same time.
type Validator struct {
	operations []operation
	frames     map[string]map[string]*jsonschema.Schema // direction -> type -> payload
	mask       *jsonschema.Schema                       // the header of a binary frame
}

// New reads the contract.
func New(t testing.TB) *Validator {
	t.Helper()
	v, err := newValidator()
	if err != nil {
		t.Fatalf("the contract cannot be read: %v", err)
	}
	return v
}

func newValidator() (*Validator, error) {
	c, err := readContract()
	if err != nil {
		return nil, err
	}
	v := &Validator{}
	if v.operations, err = c.operations(); err != nil {
		return nil, err
	}
	if v.frames, v.mask, err = c.frames(); err != nil {
		return nil, err
	}
	return v, nil
}

// Operations lists the calls of the contract as "GET /api/v1/jobs/{id}", sorted.
func (v *Validator) Operations() []string {
	var all []string
	for _, o := range v.operations {
		all = append(all, o.method+" "+o.template)
	}
	slices.Sort(all)
	return all
}

// Response fails t unless the contract has the answer: the call, its status, its content type and its body.
// path is that of the request; a query is ignored.
func (v *Validator) Response(t testing.TB, method, path string, status int, contentType string, body []byte) {
	t.Helper()
	if err := v.response(method, path, status, contentType, body); err != nil {
		t.Errorf("%s %s answers %d against the contract: %v", method, path, status, err)
	}
}

func (v *Validator) response(method, path string, status int, contentType string, body []byte) error {
	path, _, _ = strings.Cut(path, "?")
	i := slices.IndexFunc(v.operations, func(o operation) bool { return o.method == method && o.path.MatchString(path) })
	if i < 0 {
		return fmt.Errorf("there is no such call")
	}
	content, ok := v.operations[i].responses[strconv.Itoa(status)]
	if !ok {
		return fmt.Errorf("this call has no such status")
	}
	if len(content) == 0 {
		if len(body) > 0 {
			return fmt.Errorf("a body where none belongs: %.200q", body)
		}
		return nil
	}
	mediaType, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return fmt.Errorf("content type %q: %w", contentType, err)
	}
	schema, ok := content[mediaType]
	if !ok {
		return fmt.Errorf("content type %s is none of the answer's", mediaType)
	}
	switch {
	case schema != nil:
		return validate(schema, body)
	case mediaType == "image/png" && status == 200 && !bytes.HasPrefix(body, []byte("\x89PNG\r\n\x1a\n")):
		return fmt.Errorf("not a PNG: %.20q", body)
	}
	return nil
}

func validate(schema *jsonschema.Schema, text []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("not JSON: %w: %.200q", err, text)
	}
	if err := schema.Validate(value); err != nil {
		return fmt.Errorf("%w\n%s", err, text)
	}
	return nil
}
