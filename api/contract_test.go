package api_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"seghub/api"
	"seghub/sessions/problem"
)

type document = map[string]any

func parse(t *testing.T, text []byte) document {
	t.Helper()
	var d document
	if err := yaml.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// at follows names into d.
func at(t *testing.T, d document, names ...string) any {
	t.Helper()
	var value any = d
	for _, name := range names {
		object, _ := value.(document)
		if value = object[name]; value == nil {
			t.Fatalf("there is no %s", strings.Join(names, "/"))
		}
	}
	return value
}

// Each code of the server is in the contract, under the status that the server gives it, and no other.
func TestCodes(t *testing.T) {
	openAPI := parse(t, api.OpenAPI)
	known := declaredCodes(t)

	var named []string
	for _, code := range at(t, openAPI, "components", "schemas", "Code", "enum").([]any) {
		named = append(named, code.(string))
	}
	slices.Sort(named)
	if !slices.Equal(named, known) {
		t.Errorf("the contract names %v\nthe server knows  %v", named, known)
	}

	statuses := map[string]int{}
	for name, response := range at(t, openAPI, "components", "responses").(document) {
		content := response.(document)["content"].(document)
		if content["application/problem+json"] == nil {
			continue
		}
		status := number(t, at(t, content, "application/problem+json", "schema", "properties", "status", "const"))
		waits := response.(document)["headers"] != nil
		for _, code := range at(t, content, "application/problem+json", "schema", "properties", "code", "enum").([]any) {
			p := problem.New(problem.Code(code.(string)), "x")
			if waits != (p.RetryAfter() > 0) {
				t.Errorf("%s: %s has Retry-After: %v", name, code, p.RetryAfter() > 0)
			}
			if before, twice := statuses[code.(string)]; twice {
				t.Errorf("%s is under %d and %d", code, before, status)
			}
			statuses[code.(string)] = status
		}
	}
	for _, code := range known {
		if want := problem.New(problem.Code(code), "x").Status; statuses[code] != want {
			t.Errorf("%s is under %d; the server gives it %d", code, statuses[code], want)
		}
	}
}

// declaredCodes reads the constants of type Code out of the problem package, which has no list of them.
func declaredCodes(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../sessions/problem/problem.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Code" {
				code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				codes = append(codes, code)
			}
		}
		return true
	})
	if len(codes) < 10 {
		t.Fatalf("only the codes %v were found", codes)
	}
	slices.Sort(codes)
	return codes
}

// The close codes are those of the table that server and web client share.
func TestCloseCodes(t *testing.T) {
	text, err := os.ReadFile("../hub/closecodes.json")
	if err != nil {
		t.Fatal(err)
	}
	var known []any
	if err := yaml.Unmarshal(text, &known); err != nil {
		t.Fatal(err)
	}
	for _, row := range known {
		delete(row.(document), "reason") // for people
	}
	if named := at(t, parse(t, api.AsyncAPI), "x-close-codes"); !reflect.DeepEqual(named, known) {
		t.Errorf("the contract has %v\nthe hub has      %v", named, known)
	}
}

// What holds for every call of a kind.
func TestOperations(t *testing.T) {
	ids := map[string]bool{}
	for path, item := range at(t, parse(t, api.OpenAPI), "paths").(document) {
		methods := maps.Clone(item.(document))
		delete(methods, "parameters")
		for method, value := range methods {
			name, call := method+" "+path, value.(document)
			responses := call["responses"].(document)
			id := at(t, call, "operationId").(string)
			if ids[id] {
				t.Errorf("%s: the operationId %s is taken", name, id)
			}
			ids[id] = true
			_, open := call["security"]
			if path != "/api/v1/ws" && !open && responses["401"] == nil {
				t.Errorf("%s: no 401, though it wants a token", name)
			}
			if strings.Contains(path, "{") && responses["404"] == nil {
				t.Errorf("%s: no 404, though it names a thing", name)
			}
			if strings.HasPrefix(path, "/api/v1/") && (responses["500"] == nil || responses["503"] == nil) {
				t.Errorf("%s: no 500 or no 503", name)
			}
		}
	}
	if len(ids) == 0 {
		t.Error("there are no calls")
	}
}

// A sentence in a line of braces ends at its first comma unless it is quoted: what follows is then a member of its own, without a value.
func TestNoSentenceEndsAtAComma(t *testing.T) {
	var look func(place string, value any)
	look = func(place string, value any) {
		switch value := value.(type) {
		case []any:
			for _, item := range value {
				look(place, item)
			}
		case document:
			for name, member := range value {
				if member == nil {
					t.Errorf("%s has %q, which has no value", place, name)
				}
				look(place+"/"+name, member)
			}
		}
	}
	look("openapi.yaml", parse(t, api.OpenAPI))
	look("asyncapi.yaml", parse(t, api.AsyncAPI))
}

// Each message of the socket is said by exactly one side, under its own name.
func TestMessages(t *testing.T) {
	asyncAPI := parse(t, api.AsyncAPI)
	said := map[string]int{}
	for _, operation := range at(t, asyncAPI, "operations").(document) {
		for _, message := range operation.(document)["messages"].([]any) {
			said[strings.TrimPrefix(message.(document)["$ref"].(string), "#/channels/socket/messages/")]++
		}
	}
	for name := range at(t, asyncAPI, "channels", "socket", "messages").(document) {
		if said[name] != 1 {
			t.Errorf("%s is said by %d sides", name, said[name])
		}
		part := "payload"
		if name == "mask" {
			part = "headers"
		}
		reference := at(t, asyncAPI, "components", "messages", name, part, "$ref").(string)
		schema := strings.TrimPrefix(reference, "#/components/schemas/")
		if kind := at(t, asyncAPI, "components", "schemas", schema, "properties", "type", "const"); kind != name {
			t.Errorf("the message %s has the type %v", name, kind)
		}
	}
}

func number(t *testing.T, value any) int {
	t.Helper()
	n, ok := value.(uint64)
	if !ok {
		t.Fatalf("%v is a %T", value, value)
	}
	return int(n)
}
