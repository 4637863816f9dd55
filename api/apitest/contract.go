package apitest

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"seghub/api"
)

// The documents lie beside each other, so that references between them lead somewhere.
const (
	openAPI  = "file:///openapi.yaml"
	asyncAPI = "file:///asyncapi.yaml"
)

// contract is both documents, parsed, and what compiles the schemas in them.
type contract struct {
	openAPI, asyncAPI object
	compiler          *jsonschema.Compiler
}

type object = map[string]any

// operation is one call; its responses are by status, their schemas by media type. A nil schema leaves
// the body open.
type operation struct {
	method    string
	template  string // as the contract writes it
	path      *regexp.Regexp
	responses map[string]map[string]*jsonschema.Schema
}

func readContract() (*contract, error) {
	c := &contract{compiler: jsonschema.NewCompiler()}
	c.compiler.DefaultDraft(jsonschema.Draft2020)
	c.compiler.AssertFormat()
	for _, document := range []struct {
		url    string
		text   []byte
		parsed *object
	}{{openAPI, api.OpenAPI, &c.openAPI}, {asyncAPI, api.AsyncAPI, &c.asyncAPI}} {
		text, err := yaml.YAMLToJSON(document.text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", document.url, err)
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", document.url, err)
		}
		closeObjects(value)
		*document.parsed, _ = value.(object)
		if err := c.compiler.AddResource(document.url, value); err != nil {
			return nil, fmt.Errorf("%s: %w", document.url, err)
		}
	}
	return c, nil
}

// closeObjects makes every schema of an object refuse members that it does not name.
func closeObjects(value any) {
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			closeObjects(item)
		}
	case object:
		for _, member := range value {
			closeObjects(member)
		}
		_, named := value["properties"].(object)
		if _, open := value["additionalProperties"]; named && !open && value["type"] == "object" {
			value["additionalProperties"] = false
		}
	}
}

func (c *contract) operations() ([]operation, error) {
	var all []operation
	for template, item := range members(c.openAPI, "paths") {
		path, err := templatePattern(template)
		if err != nil {
			return nil, err
		}
		for method, call := range item.(object) {
			if method == "parameters" {
				continue
			}
			o := operation{strings.ToUpper(method), template, path, map[string]map[string]*jsonschema.Schema{}}
			for status := range members(call.(object), "responses") {
				if o.responses[status], err = c.content("paths", template, method, "responses", status); err != nil {
					return nil, fmt.Errorf("%s %s: %s: %w", o.method, template, status, err)
				}
			}
			all = append(all, o)
		}
	}
	return all, nil
}

// templatePattern matches the paths that /jobs/{id} stands for.
func templatePattern(template string) (*regexp.Regexp, error) {
	pattern := regexp.QuoteMeta(template)
	pattern = regexp.MustCompile(`\\\{[^}]*\\\}`).ReplaceAllString(pattern, `[^/]+`)
	return regexp.Compile("^" + pattern + "$")
}

// content compiles the schemas of the response at place.
func (c *contract) content(place ...string) (map[string]*jsonschema.Schema, error) {
	response := c.openAPI
	for _, name := range place {
		response, _ = response[name].(object)
	}
	if reference, ok := response["$ref"].(string); ok {
		return c.content(strings.Split(strings.TrimPrefix(reference, "#/"), "/")...)
	}
	if response["description"] == nil {
		return nil, fmt.Errorf("there is no response at %s", strings.Join(place, "/"))
	}
	schemas := map[string]*jsonschema.Schema{}
	for mediaType, media := range members(response, "content") {
		schemas[mediaType] = nil
		if _, ok := media.(object)["schema"]; !ok {
			continue
		}
		schema, err := c.compile(openAPI, append(place, "content", mediaType, "schema")...)
		if err != nil {
			return nil, err
		}
		schemas[mediaType] = schema
	}
	return schemas, nil
}

// frames compiles what either side may send, and the header of a mask.
func (c *contract) frames() (map[string]map[string]*jsonschema.Schema, *jsonschema.Schema, error) {
	frames := map[string]map[string]*jsonschema.Schema{FromServer: {}, FromClient: {}}
	for _, operation := range members(c.asyncAPI, "operations") {
		direction := FromServer
		if operation.(object)["action"] == "receive" {
			direction = FromClient
		}
		for _, message := range operation.(object)["messages"].([]any) {
			reference := message.(object)["$ref"].(string)
			name := reference[strings.LastIndex(reference, "/")+1:]
			if name == "mask" {
				continue // the one that is binary
			}
			schema, err := c.compile(asyncAPI, "components", "messages", name, "payload")
			if err != nil {
				return nil, nil, fmt.Errorf("message %s: %w", name, err)
			}
			frames[direction][name] = schema
		}
	}
	mask, err := c.compile(asyncAPI, "components", "messages", "mask", "headers")
	return frames, mask, err
}

// compile makes a schema of the one at place, a JSON pointer's parts.
func (c *contract) compile(document string, place ...string) (*jsonschema.Schema, error) {
	escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D")
	pointer := "#"
	for _, name := range place {
		pointer += "/" + escape.Replace(name)
	}
	return c.compiler.Compile(document + pointer)
}

// members are those of the object under name, none when there is none.
func members(o object, name string) object {
	found, _ := o[name].(object)
	return found
}
