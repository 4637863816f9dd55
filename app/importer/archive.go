package importer

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"path"
	"strings"
)

// The most that is unpacked of a package, so that a small file cannot fill the machine.
const (
	maxEntries = 10_000
	maxWeights = 4 << 30
	maxArray   = 1 << 30
)

// archive is a package that was opened. Its files are read by the names that its description gives, and never written by them.
type archive struct {
	files  map[string]*zip.File
	folder string // where the description lies: "." or one folder
}

// descriptions are the names of the file that describes a package, newest first.
var descriptions = []string{"bioimageio.yaml", "rdf.yaml", "model.yaml"}

// openArchive reads the list of what is in the zip file, and the description.
func openArchive(r io.ReaderAt, size int64) (a archive, description []byte, err error) {
	reader, err := zip.NewReader(r, size)
	if err != nil {
		return archive{}, nil, refuse("the package is no zip file, or is damaged: %w", err)
	}
	if len(reader.File) > maxEntries {
		return archive{}, nil, refuse("the package holds %d files, more than %d", len(reader.File), maxEntries)
	}
	a.files = make(map[string]*zip.File, len(reader.File))
	for _, f := range reader.File {
		name := entryName(f)
		if a.files[name] != nil {
			return archive{}, nil, refuse("the package holds %.200q twice", name)
		}
		if top, _, _ := strings.Cut(name, "/"); top != "." && top != "__MACOSX" { // which macOS packs beside the folder
			a.files[name] = f
		}
	}
	a.folder = "."
	for _, folder := range append([]string{"."}, a.topFolders()...) {
		for _, name := range descriptions {
			if name = path.Join(folder, name); a.files[name] != nil {
				a.folder = folder
				description, err = a.read(path.Base(name), "", maxYAML)
				return a, description, err
			}
		}
	}
	return archive{}, nil, refuse("the package has neither a %s nor an %s: it is none of the BioImage Model Zoo", descriptions[0], descriptions[1])
}

// entryName is what f is called by the rules of zip: some programs on Windows write backslashes, and tar begins with "./".
func entryName(f *zip.File) string { return path.Clean(strings.ReplaceAll(f.Name, `\`, "/")) }

// topFolders is the one folder that everything lies in, if it does.
func (a archive) topFolders() []string {
	top := ""
	for name := range a.files {
		folder, _, _ := strings.Cut(name, "/")
		if top == "" {
			top = folder
		}
		if folder != top {
			return nil
		}
	}
	return []string{top}
}

// read unpacks a file into memory.
func (a archive) read(source, sum string, limit int64) ([]byte, error) {
	var content bytes.Buffer
	err := a.unpack(&content, source, sum, limit)
	return content.Bytes(), err
}

// unpack writes the file that the description calls source to w: at most limit bytes, whose SHA-256 is sum if that is given.
func (a archive) unpack(w io.Writer, source, sum string, limit int64) error {
	if strings.Contains(source, "://") {
		return refuse("the package does not hold %.200q but says where it is: download the complete package", source)
	}
	clean := path.Clean(source)
	if source == "" || !fs.ValidPath(clean) {
		return refuse("the package names a file outside of it: %.200q", source)
	}
	f := a.files[path.Join(a.folder, clean)]
	if f == nil {
		return refuse("the package names %.200q and does not hold it", source)
	}
	if !f.Mode().IsRegular() {
		return refuse("%.200q in the package is a link or folder, not a file", source)
	}
	content, err := f.Open()
	if err != nil {
		return refuse("%.200q in the package: %w", source, err)
	}
	defer content.Close()
	hash := sha256.New()
	// What the list says of a file's size may be a lie.
	n, err := io.Copy(io.MultiWriter(w, hash), io.LimitReader(content, limit+1))
	if err != nil {
		return refuse("%.200q in the package: %w", source, err)
	}
	if n > limit {
		return refuse("%.200q in the package is larger than %d bytes", source, limit)
	}
	if got := hex.EncodeToString(hash.Sum(nil)); sum != "" && !strings.EqualFold(sum, got) {
		return refuse("%.200q in the package is not the file that was described: its SHA-256 is %s, not %.64s", source, got, sum)
	}
	return nil
}
