package export

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"seghub/models/mask"
)

func TestTablesTakeWhatIsWidest(t *testing.T) {
	grey, colour := segmented("-grey.png", 1, 40, 40), segmented("colour.png", 2, 40, 40)
	for i := range colour.Objects {
		o := &colour.Objects[i]
		o.MeanIntensity, o.SDIntensity, o.IntegratedIntensity = []float64{1, 2, 3}, []float64{4, 5, 6}, []float64{7, 8, 9}
		o.Calibrated = &mask.Calibrated{Area: 0.25}
	}
	data, err := exported("csv", grey, colour)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll() // fails unless all rows are of one length
	if err != nil {
		t.Fatal(err)
	}
	at := func(row []string, name string) string { return row[slices.Index(rows[0], name)] }
	first, last := rows[1], rows[len(rows)-1]
	if at(first, "image") != "'-grey.png" || at(first, "integrated_intensity_1") != "-2" || at(first, "mean_intensity_3") != "" || at(first, "area_um2") != "" {
		t.Errorf("first row %q", first)
	}
	if at(last, "mean_intensity_3") != "3" || at(last, "sd_intensity_1") != "4" || at(last, "area_um2") != "0.25" {
		t.Errorf("last row %q", last)
	}

	if data, err = exported("xlsx", grey, colour); err != nil {
		t.Fatal(err)
	}
	book, err := excelize.OpenReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	sheet, err := book.GetRows("objects")
	if err != nil || len(sheet) != len(rows) || !slices.Equal(sheet[0], rows[0]) || sheet[1][0] != "-grey.png" {
		t.Errorf("%d rows in the sheet, %d in the CSV; %v", len(sheet), len(rows), err)
	}
}

func TestTextsHaveLargeNumbersInDigits(t *testing.T) {
	p := segmented("a.png", 1, 40, 40)
	o := &p.Objects[0]
	o.Area, o.Perimeter, o.Sphericity = 1_234_567, 2_500_000.25, 0.00001
	o.MeanIntensity, o.SDIntensity, o.IntegratedIntensity = []float64{-80_000_000}, []float64{0}, []float64{-3e38}
	data, err := exported("csv", p)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for column, want := range map[string]string{"area_px": "1234567", "perimeter_px": "2500000.25", "sphericity": "0.00001",
		"mean_intensity_1": "-80000000", "sd_intensity_1": "0", "integrated_intensity_1": "-3e+38"} {
		if got := rows[1][slices.Index(rows[0], column)]; got != want {
			t.Errorf("%s is %s, want %s", column, got, want)
		}
	}
}

func TestTablesTellResultsApart(t *testing.T) {
	first, page, nothing := segmented("a.png", 1, 40, 40), segmented("a.png", 2, 40, 40), empty("a.png")
	page.Pages, page.Image.Page, page.Channel, page.Z, page.T = 3, 2, 1, 2, 0
	page.Receipt.Times.Finished = time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	data, err := exported("all", first, page, nothing)
	if err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"results.csv":        {"a 1   ", "a-page-3 3 2 3 1"}, // nothing has no row
		"results.images.csv": {"a 1   ", "a-page-3 3 2 3 1", "a-2 1   "},
	} {
		file, err := archive.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(file).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, row := range rows[1:] {
			var places []string
			for _, column := range []string{"name", "page", "channel", "z", "t"} {
				places = append(places, row[slices.Index(rows[0], column)])
			}
			told = append(told, strings.Join(places, " "))
		}
		if told = slices.Compact(told); !slices.Equal(told, want) {
			t.Errorf("%s tells of %q, want %q", name, told, want)
		}
		if info, err := file.Stat(); err != nil || !info.ModTime().Equal(page.Receipt.Times.Finished) {
			t.Errorf("%s is of %v, %v", name, info.ModTime(), err)
		}
	}
}
