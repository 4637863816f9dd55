package bench

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// golden compares with testdata/name, which -update writes anew.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what it was:\n%s", name, got)
	}
}

// fixed is a report of figures that nobody measured.
func fixed() Report {
	r := Report{
		StartedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Device: "cuda:0", Cores: 16, Images: 8, Rounds: 3,
		Alone: []Alone{{Model: "hrnet", P50: 31.5, P95: 44.25, Mask: Lag{P50: 7.125, P95: 9.5}}, {Model: "unet", Error: "a job is failed"}},
		Again: Again{Sessions: 4, Requests: 192, P50: 12.5, P95: 31},
		Hub:   Hub{ReadySeconds: 3.25, IdleResidentBytes: 900 * mib, IdleDeviceBytes: 5200 * mib, Sockets: 1000, BytesPerSocket: 31 << 10, Error: "idle sockets: no more"},
		Exports: Exports{
			GeoJSONObjects: 23_000, GeoJSONBytes: 33 << 20, GeoJSONSeconds: 0.25, XLSXObjects: 100_000, XLSXSeconds: 6.5, XLSXMemory: 48 * mib,
		},
	}
	for s, sessions := range []int{1, 4} {
		rows := make([]Row, len(Paths))
		for i, path := range Paths {
			rows[i] = Row{
				Model: "hrnet", Sessions: sessions, Path: path, Images: 24 * sessions, Seconds: 1.5 + float64(i), P50: 100 + float64(10*i), P95: 180 + float64(10*i),
				CoreMS: 20 + float64(3*i), ResidentBytes: int64(200+100*s) * mib, DeviceBytes: 1300 * mib,
			}
			rows[i].ImagesPerSecond = float64(rows[i].Images) / rows[i].Seconds
			if path == PathPool || path == PathHub {
				rows[i].Mask = &Lag{P50: 5.5, P95: 11}
			}
		}
		compare(rows)
		r.Rows = append(r.Rows, rows...)
	}
	r.Rows[5] = Row{Model: "hrnet", Sessions: 4, Path: PathLock, Error: "run hrnet on 8 images: out of memory: " + strings.Repeat("and so on ", 20) + "\nand a second line"}
	return r
}

func TestTable(t *testing.T) {
	var table bytes.Buffer
	if err := fixed().WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	golden(t, "table.txt", table.Bytes())
	for line := range strings.Lines(table.String()) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > 100 {
			t.Errorf("a line of %d columns: %s", n, line)
		}
	}
}

func TestJSON(t *testing.T) {
	var report bytes.Buffer
	if err := fixed().WriteJSON(&report); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.json", report.Bytes())
}

func TestFiles(t *testing.T) {
	folder := t.TempDir()
	files, err := fixed().WriteFiles(folder)
	if err != nil {
		t.Fatal(err)
	}
	if want := "[report.json throughput.svg share.svg latency.svg memory.svg]"; fmt.Sprint(files) != want {
		t.Errorf("files %v, want %v", files, want)
	}
	for _, name := range files[1:] {
		data, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		texts, shapes, err := contents(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, want := range []string{"hrnet x1", "hrnet x4", "bare", "lock", "pool", "hub"} {
			if !strings.Contains(texts, want) {
				t.Errorf("%s says nothing of %q", name, want)
			}
		}
		// Two loads on four paths, and as many colours in the legend.
		if shapes < 2*len(Paths)+len(Paths) {
			t.Errorf("%s has %d shapes", name, shapes)
		}
	}
}

// contents is the text of a picture and how many shapes it has.
func contents(svg []byte) (texts string, shapes int, err error) {
	decoder := xml.NewDecoder(bytes.NewReader(svg))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return texts, shapes, nil
		}
		if err != nil {
			return "", 0, err
		}
		switch token := token.(type) {
		case xml.CharData:
			texts += string(token) + "\n"
		case xml.StartElement:
			if token.Name.Local == "path" {
				shapes++
			}
		}
	}
}

func TestPercentileIsTheNearestRank(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(100 - i)
	}
	for _, c := range []struct {
		values []time.Duration
		p      int
		want   time.Duration
	}{
		{nil, 50, 0}, {hundred[:1], 95, 100}, {hundred, 50, 50}, {hundred, 95, 95}, {hundred, 100, 100}, {hundred, 0, 1},
	} {
		if got := percentile(c.values, c.p); got != c.want {
			t.Errorf("percentile %d of %d values: %v, want %v", c.p, len(c.values), got, c.want)
		}
	}
}
