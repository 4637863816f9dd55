package segment

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestFilesOfAFolder(t *testing.T) {
	folder := t.TempDir()
	out := filepath.Join(folder, "out")
	for _, name := range []string{"b.TIF", "a.png", "notes.txt", ".hidden.png", "day 2/c.jpg", ".cache/d.png", "out/e.png", "a.mask.png", "a.labels.tif",
		"day 2/@eaDir/c.jpg/SYNOPHOTO_THUMB_M.jpg", "$RECYCLE.BIN/S-1-5-21/$R0T1KX.tif", "#recycle/c.jpg"} {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files, err := Files([]string{folder, filepath.Join(folder, "a.png"), filepath.Join(folder, "notes.txt")}, out)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name)
	}
	if want := []string{"a.png", "b.TIF", "day 2/c.jpg", "notes.txt"}; !slices.Equal(names, want) {
		t.Errorf("found %q, want %q", names, want)
	}
	if files, err = Files([]string{folder, filepath.Join(folder, "day 2"), filepath.Join(folder, ".cache")}, out); err != nil {
		t.Fatal(err)
	}
	if last := files[len(files)-1]; last.Name != ".cache/d.png" || last.sentAs() != ".cache_d.png" {
		t.Errorf("of several folders: %q, sent as %q", last.Name, last.sentAs())
	}
	var twins []string
	for _, plate := range []string{"plate1", "plate2", "Plate1"} {
		twins = append(twins, filepath.Join(t.TempDir(), plate, "images"))
		path := filepath.Join(twins[len(twins)-1], "A01.tif")
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if files, err = Files(append(twins, twins[0], folder), out); err != nil {
		t.Fatal(err)
	}
	sentAs := map[string]bool{}
	for _, f := range files[:3] {
		sentAs[strings.ToLower(f.sentAs())] = true
	}
	if len(sentAs) != 3 || files[1].Name != "plate2/images/A01.tif" || files[3].Name != filepath.Base(folder)+"/a.png" {
		t.Errorf("of folders that have the same name: %v", files)
	}
	if _, err := Files([]string{filepath.Join(folder, ".cache")}, out); err != nil {
		t.Errorf("a hidden folder that is named: %v", err)
	}
	for _, path := range []string{filepath.Join(folder, "gone"), t.TempDir()} {
		if _, err := Files([]string{path}, out); err == nil {
			t.Errorf("%s has images", path)
		}
	}
}

func TestAPatternNamesNoResultsAgain(t *testing.T) {
	for _, c := range []struct{ given, meant, made []string }{
		{given: []string{"a.png", "a.mask.png", "b.tif", "B.LABELS.TIF"}, meant: []string{"a.png", "b.tif"}, made: []string{"a.mask.png", "B.LABELS.TIF"}},
		{given: []string{"a.mask.png"}, meant: []string{"a.mask.png"}},
		{given: []string{"plate.1", "mask.png", "labels.tif"}, meant: []string{"plate.1", "mask.png", "labels.tif"}},
	} {
		if meant, made := Given(c.given); !slices.Equal(meant, c.meant) || !slices.Equal(made, c.made) {
			t.Errorf("%q: %q and %q", c.given, meant, made)
		}
	}
}

func TestNamedFilesThatAreCalledAlikeAreToldApart(t *testing.T) {
	folder := t.TempDir()
	var given []string
	for _, name := range []string{"plate1/A01.tif", "plate2/A01.tif", "plate2/A02.tif"} {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		given = append(given, path)
	}
	for _, c := range []struct {
		given []string
		want  []string
	}{
		{given, []string{"plate1/A01.tif", "plate2/A01.tif", "A02.tif"}},
		{given[1:], []string{"A01.tif", "A02.tif"}},
		{[]string{filepath.Dir(given[0]), given[1]}, []string{"A01.tif", "plate2/A01.tif"}},
	} {
		files, err := Files(c.given, folder)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range files {
			names = append(names, f.Name)
		}
		if !slices.Equal(names, c.want) {
			t.Errorf("%q, want %q", names, c.want)
		}
	}
}

func TestAFolderGivesAllThatIsRead(t *testing.T) {
	page, err := os.ReadFile("../../docs/files.md")
	if err != nil {
		t.Fatal(err)
	}
	_, read, _ := strings.Cut(string(page), "\n## Read\n")
	read, _, _ = strings.Cut(read, "\n## ")
	named := regexp.MustCompile("`(\\.[a-z0-9]+)`").FindAllStringSubmatch(read, -1)
	if len(named) < len(endings) {
		t.Errorf("docs/files.md names %d endings, and a folder gives files of %d", len(named), len(endings))
	}
	for _, ending := range named {
		if !isImage("cells" + strings.ToUpper(ending[1])) {
			t.Errorf("a folder does not give its %s", ending[1])
		}
	}
}

func TestFilesBehindALinkToAFolder(t *testing.T) {
	folder := t.TempDir()
	plate, link := filepath.Join(folder, "plate"), filepath.Join(folder, "link")
	for _, name := range []string{"a.png", "out/b.png"} {
		path := filepath.Join(plate, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Symlink("plate", link), os.Symlink("../plate", filepath.Join(plate, "circle"))); err != nil {
		t.Skip("left out: links to folders, which this system does not make: ", err)
	}
	for folder, out := range map[string]string{link: filepath.Join(plate, "out"), plate: filepath.Join(link, "out")} {
		files, err := Files([]string{folder}, out)
		if want := []File{{filepath.Join(folder, "a.png"), "a.png"}}; err != nil || !slices.Equal(files, want) {
			t.Errorf("%v, %v, want %v", files, err, want)
		}
	}
}
