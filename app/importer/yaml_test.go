package importer

import (
	"fmt"
	"strings"
	"testing"
)

func TestDecodeYAMLRefuses(t *testing.T) {
	laughs := "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
	for i := range 9 {
		laughs += fmt.Sprintf("a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), i)
	}
	for name, text := range map[string]string{
		"a billion laughs":     laughs,
		"an anchor of its own": "a: &a [*a]\n",
		"many aliases":         "a: &a x\nb: [" + strings.Repeat("*a, ", maxAliases) + "*a]\n",
		"no alias's anchor":    "a: *b\n",
		"a tag of a list":      "size: !00\n00000000A",
		"a tab":                "a:\n\t- b\n",
		"a key twice":          "id: a\nid: b\n",
	} {
		var to struct {
			ID   string  `yaml:"id"`
			A    any     `yaml:"a"`
			Size numbers `yaml:"size"`
		}
		if err := decodeYAML([]byte(text), &to); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDecodeYAMLOfWindows(t *testing.T) {
	var to sidecar
	if err := decodeYAML([]byte("\ufeffid: a\r\nsize: [64, 80]\r\n"), &to); err != nil || to.ID != "a" || len(to.Size) != 2 {
		t.Errorf("%+v, %v", to, err)
	}
}
