package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestTheDocsNameWhatThereIs holds what is written for people to the program: settings, links, and the tests that hold promises.
func TestTheDocsNameWhatThereIs(t *testing.T) {
	parser, err := kong.New(&cli{})
	if err != nil {
		t.Fatal(err)
	}
	settings, tests := variables(parser.Model.Node), ""
	var pages []string
	err = filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		name := entry.Name()
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (name == "node_modules" || path != ".." && strings.HasPrefix(name, ".")):
			return fs.SkipDir
		case strings.HasSuffix(name, ".md"), name == "Dockerfile", name == "docker-compose.yml":
			pages = append(pages, path)
		case strings.HasSuffix(name, "_test.go"):
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			tests += string(text)
		}
		return nil
	})
	if err != nil || len(pages) < 10 {
		t.Fatal(pages, err)
	}
	setting, test, link := regexp.MustCompile(`\bSEGHUB_[A-Z_]*[A-Z]\b`), regexp.MustCompile("`((?:Test|Benchmark)[A-Z]\\w+)`"), regexp.MustCompile(`\]\(([^):#]*)(?:#([^)]+))?[^)]*\)`)
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range setting.FindAllString(string(text), -1) {
			if !slices.Contains(settings, name) {
				t.Errorf("%s: %s is no setting", page, name)
			}
		}
		for _, found := range test.FindAllStringSubmatch(string(text), -1) {
			if !strings.Contains(tests, "\nfunc "+found[1]+"(") {
				t.Errorf("%s: there is no %s", page, found[1])
			}
		}
		for _, found := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.HasPrefix(found[1], "http") {
				continue
			}
			target := page
			if found[1] != "" {
				target = filepath.Join(filepath.Dir(page), found[1])
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: a link leads nowhere: %v", page, err)
			} else if found[2] != "" && !slices.Contains(anchors(t, target), found[2]) {
				t.Errorf("%s: there is no heading #%s in %s", page, found[2], target)
			}
		}
	}
}

// anchors are what links call the headings of a page by.
func anchors(t *testing.T, page string) (names []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(string(text), -1) {
		name := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

// TestComposeTakesEverySettingFromItsFile holds docker-compose.yml to what it says of .env: what stands under environment wins over that, so that
// there is nothing but defaults.
func TestComposeTakesEverySettingFromItsFile(t *testing.T) {
	text, err := os.ReadFile("../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	set := regexp.MustCompile(`(?m)^ +(SEGHUB_\w+): (.*)$`).FindAllStringSubmatch(string(text), -1)
	for _, s := range set {
		if !strings.HasPrefix(s[2], "${"+s[1]+":") {
			t.Errorf("%s is %s, whatever .env says", s[1], s[2])
		}
	}
	if len(set) < 4 {
		t.Errorf("found %v", set)
	}
}
