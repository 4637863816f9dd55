package importer

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"seghub/models"
	"seghub/models/modeltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// file writes content into the folder and returns its path.
func file(t *testing.T, folder, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// listed are the models that a hub finds in folder; it wants nothing else to lie there.
func listed(t *testing.T, folder string) []models.Spec {
	t.Helper()
	var log bytes.Buffer
	registry, err := models.Open(folder, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	list := registry.List()
	if log.Len() > 0 || len(entries) != len(list) {
		t.Errorf("%d files, %d models: %s", len(entries), len(list), log.String())
	}
	return list
}

// wantRefusal wants err to be one, that says all of it, in a sentence without a line's end, and nothing to be left in folder.
func wantRefusal(t *testing.T, err error, folder string, says ...string) {
	t.Helper()
	if !errors.Is(err, ErrRefused) {
		t.Fatalf("got %v", err)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%v does not say %q", err, s)
		}
	}
	if n := len(listed(t, folder)); n > 0 {
		t.Errorf("%d models are there", n)
	}
}

// npy is an array of float32 as numpy.save writes it.
func npy(shape []int64, values []float32) []byte {
	var data bytes.Buffer
	for _, v := range values {
		_ = binary.Write(&data, binary.LittleEndian, v) // memory
	}
	return npyOf("<f4", shape, data.Bytes())
}

func npyOf(descr string, shape []int64, data []byte) []byte {
	dims := make([]string, len(shape))
	for i, d := range shape {
		dims[i] = fmt.Sprint(d)
	}
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s,), }", descr, strings.Join(dims, ", "))
	header += strings.Repeat(" ", 63-(10+len(header))%64) + "\n"
	file := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(header)))
	return append(append(file, header...), data...)
}

// zipped is a zip file, its entries in the order of pairs of name and content.
func zipped(t *testing.T, folder string, entries ...any) string {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for i := 0; i < len(entries); i += 2 {
		header := &zip.FileHeader{Name: strings.TrimPrefix(entries[i].(string), "link:"), Method: zip.Deflate}
		if strings.HasPrefix(entries[i].(string), "link:") {
			header.SetMode(os.ModeSymlink | 0o777)
		}
		w, err := z.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		content, ok := entries[i+1].([]byte)
		if !ok {
			content = []byte(entries[i+1].(string))
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return file(t, folder, "package.zip", out.Bytes())
}

// picture is h x w samples of so many channels, [1,c,h,w], of many levels.
func picture(c, h, w int) ([]int64, []float32) {
	values := make([]float32, c*h*w)
	for i := range values {
		values[i] = float32((i*i*7 + i*31) % 251)
	}
	return []int64{1, int64(c), int64(h), int64(w)}, values
}

func sigmoid(v float64) float32 { return float32(1 / (1 + math.Exp(-v))) }

// each maps values.
func each(values []float32, f func(float64) float32) []float32 {
	mapped := make([]float32, len(values))
	for i, v := range values {
		mapped[i] = f(float64(v))
	}
	return mapped
}

var grey = modeltest.FloatOptions{Height: modeltest.Dynamic, Width: modeltest.Dynamic}
