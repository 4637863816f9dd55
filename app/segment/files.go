package segment

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// endings are those of the files that are taken from a folder; a file that is named itself is taken whatever its ending.
var endings = map[string]bool{
	".png": true, ".jpg": true, ".jpeg": true, ".webp": true, ".bmp": true, ".gif": true,
	".tif": true, ".tiff": true, ".btf": true, ".tf2": true, ".tf8": true,
	".lsm": true, ".stk": true, ".svs": true, ".ndpi": true, ".qptiff": true, // TIFF, too
}

// The endings of what is written here, which a folder may hold from before.
const (
	maskEnding   = ".mask.png"
	labelsEnding = ".labels.tif"
)

// systemFolders are those, in lower case, in which systems and storage boxes keep thumbnails, what was deleted and how all was yesterday.
var systemFolders = map[string]bool{
	"$recycle.bin": true, "system volume information": true, "lost+found": true,
	"@eadir": true, "#recycle": true, "#snapshot": true, "@recycle": true, "@recently-snapshot": true,
}

// isAside tells whether a folder below the one that was named is left out.
func isAside(name string) bool {
	return strings.HasPrefix(name, ".") || systemFolders[strings.ToLower(name)]
}

// isImage tells whether a file of a folder is one to segment.
func isImage(name string) bool {
	return endings[filepath.Ext(strings.ToLower(name))] && !strings.HasPrefix(name, ".") && !isMade(name)
}

// isMade tells whether a file is called as what is written here.
func isMade(name string) bool {
	lower := strings.ToLower(name)
	return strings.HasSuffix(lower, maskEnding) || strings.HasSuffix(lower, labelsEnding)
}

// Given parts what was named from what is called as results are: where a pattern such as *.png names the images of a folder, it names what was made of them
// before, too, and each time there would be twice as many. Where nothing else is named, they are meant.
func Given(paths []string) (meant, made []string) {
	for _, path := range paths {
		if isMade(path) {
			made = append(made, path)
		} else {
			meant = append(meant, path)
		}
	}
	if len(meant) == 0 {
		return made, nil
	}
	return meant, made
}

// File is one to segment.
type File struct {
	Path string
	Name string // below the folder that it was found in, with slashes; of several folders it begins with that one's, and of files that are called alike
}

// sentAs is what the hub hears it called, which takes no path: its tables tell A01.tif of one plate from that of another.
func (f File) sentAs() string { return strings.ReplaceAll(f.Name, "/", "_") }

// Files are the files that paths name, and the images of the folders that they name, with the folders below; what is hidden
// is left out. The folder out is none of them.
func Files(paths []string, out string) ([]File, error) {
	isFolder := make([]bool, len(paths))
	var folders []string
	for i, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if isFolder[i] = info.IsDir(); isFolder[i] {
			folders = append(folders, absolute(path))
		}
	}
	names := shortNames(folders)
	var list []File
	seen, named := map[string]bool{}, map[string]bool{}
	for i, given := range paths {
		found := []File{{given, filepath.Base(given)}}
		if isFolder[i] {
			var err error
			if found, err = images(given, out); err != nil {
				return nil, err
			}
		}
		for _, f := range found {
			if isFolder[i] && len(folders) > 1 {
				f.Name = path.Join(names[absolute(given)], f.Name)
			}
			if key := absolute(f.Path); !seen[key] {
				seen[key], named[key] = true, !isFolder[i]
				list = append(list, f)
			}
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no image in %s", strings.Join(paths, ", "))
	}
	tellApart(list, named)
	return list, nil
}

// tellApart calls files that were named, as by */A01.tif, and are called alike by their folders, too: in a table of all nothing else would say which
// plate a row is of. named is by full path.
func tellApart(list []File, named map[string]bool) {
	count := map[string]int{}
	for _, f := range list {
		count[f.Name]++
	}
	var alike []*File
	var folders []string
	for i, f := range list {
		if named[absolute(f.Path)] && count[f.Name] > 1 {
			alike, folders = append(alike, &list[i]), append(folders, filepath.Dir(absolute(f.Path)))
		}
	}
	names := shortNames(folders)
	for i, f := range alike {
		f.Name = path.Join(names[folders[i]], f.Name)
	}
}

// shortNames tells folders apart by as much of the end of each way as that takes: the images of plate1 are not those of plate2.
func shortNames(folders []string) map[string]string {
	left := slices.Compact(slices.Sorted(slices.Values(folders)))
	names := make(map[string]string, len(left))
	for length := 1; len(left) > 0; length++ {
		count := map[string]int{}
		for _, folder := range left {
			count[strings.ToLower(end(folder, length))]++
		}
		left = slices.DeleteFunc(left, func(folder string) bool {
			name := end(folder, length)
			if count[strings.ToLower(name)] > 1 && length < len(folder) { // at that length there is no more of it
				return false
			}
			names[folder] = name
			return true
		})
	}
	return names
}

// end is a folder's name with those of so many folders, itself among them, that it lies in; with slashes.
func end(folder string, length int) string {
	parts := strings.FieldsFunc(filepath.ToSlash(folder), func(r rune) bool { return r == '/' || r == ':' })
	return path.Join(parts[max(0, len(parts)-length):]...)
}

// images are those below a folder, in the order of their names. A folder below that cannot be read is among them, so that whoever opens
// it is told. Links to files are followed, those to folders are not, but for the folder itself.
func images(folder, out string) (list []File, err error) {
	root, out := resolved(folder), resolved(out)
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if path == root {
			return err
		}
		switch {
		case err != nil: // of a folder
		case entry.IsDir() && (isAside(entry.Name()) || path == out):
			return filepath.SkipDir
		case entry.IsDir() || !isImage(entry.Name()):
			return nil
		}
		name, err := filepath.Rel(root, path)
		list = append(list, File{filepath.Join(folder, name), filepath.ToSlash(name)})
		return err
	})
	return list, err
}

// resolved is where a path leads, from the root and without links.
func resolved(path string) string {
	path = absolute(path)
	if target, err := filepath.EvalSymlinks(path); err == nil {
		return target
	}
	return path
}

func absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}
