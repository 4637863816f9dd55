package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

const (
	indexName  = "index.html"
	assetsPath = "assets/" // Vite puts a hash of the content into the names of these

	cacheForever = "public, max-age=31536000, immutable"
	cacheNever   = "no-cache" // may be kept, but must be asked for again
)

// contentTypes are those of a Vite build. The system's own table is not asked: it differs between machines.
var contentTypes = map[string]string{
	".css":  "text/css; charset=utf-8",
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

const notBuilt = `The web client is not in this binary: it was built without it.

Run "make build" in the repository's root and start the new binary. The HTTP interface works as it is.
`

// Handler serves the web client: hashed assets to be cached for good, everything else to be asked for
// again. A browser that navigates to an unknown path is led to the page; anything else that is unknown is 404.
func Handler() http.Handler {
	built, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(fmt.Sprintf("web: %v", err)) // the name is a constant
	}
	c, err := load(built)
	if err != nil {
		panic(fmt.Sprintf("web: %v", err)) // the files are part of the binary
	}
	return c
}

// file is one file of the client, ready to be served.
type file struct {
	name    string
	data    []byte
	etag    string // weak: the file may be sent compressed
	caching string
}

// client holds all files by path; it is read-only once loaded.
type client map[string]file

func load(built fs.FS) (client, error) {
	c := client{}
	err := fs.WalkDir(built, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			return err
		}
		data, err := fs.ReadFile(built, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		f := file{name: name, data: data, etag: `W/"` + hex.EncodeToString(sum[:8]) + `"`, caching: cacheNever}
		if strings.HasPrefix(name, assetsPath) {
			f.caching = cacheForever
		}
		c[name] = f
		return nil
	})
	return c, err
}

func (c client) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "Only GET and HEAD.", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	if name == "" {
		name = indexName
	}
	f, ok := c[name]
	switch {
	case ok:
		f.serve(w, r)
	case name == indexName:
		http.Error(w, notBuilt, http.StatusServiceUnavailable)
	case isNavigation(r, name):
		w.Header().Set("Location", toRoot(r.URL.EscapedPath()))
		w.Header().Set("Vary", "Accept")
		w.WriteHeader(http.StatusFound)
	default:
		http.Error(w, "Not found.", http.StatusNotFound)
	}
}

// toRoot is the way from a path to the page, whose own parts lie beside it. It is relative: only the browser knows under which
// path of a proxy the hub lies.
func toRoot(path string) string {
	return "./" + strings.Repeat("../", strings.Count(strings.TrimPrefix(path, "/"), "/"))
}

// isNavigation tells whether a person follows a link to name, rather than a page asking for a part of it.
func isNavigation(r *http.Request, name string) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html") && !strings.HasPrefix(name, assetsPath)
}

func (f file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	if contentType, ok := contentTypes[path.Ext(f.name)]; ok {
		h.Set("Content-Type", contentType)
	}
	h.Set("Cache-Control", f.caching)
	h.Set("ETag", f.etag)
	http.ServeContent(w, r, f.name, time.Time{}, bytes.NewReader(f.data))
}
