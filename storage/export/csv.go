package export

import (
	"context"
	"encoding/csv"
	"io"
	"strconv"
	"strings"
)

// csvFile is the table of objects as text: a head, then a row an object.
type csvFile struct {
	w     io.Writer
	table table
}

func newCSV(w io.Writer, temp string) writer { return &csvFile{w: w, table: table{temp: temp}} }

func (c *csvFile) add(_ context.Context, p *Picture) error { return c.table.add(p) }

func (c *csvFile) close() error {
	defer c.table.close()
	columns := columnsOf(c.table.channels)
	out := csv.NewWriter(c.w)
	line := make([]string, len(columns))
	for i, f := range columns {
		line[i] = f.name
	}
	if err := out.Write(line); err != nil {
		return err
	}
	err := c.table.each(func(row []string) error {
		clear(line[copy(line, row):])
		for i := range fields {
			if fields[i].text != nil {
				line[i] = harmless(line[i])
			}
		}
		return out.Write(line)
	})
	out.Flush()
	if err == nil {
		err = out.Error()
	}
	return err
}

// imagesCSV is the table of images as text. It tells of images without objects too, of which the table of objects has no row.
type imagesCSV struct{ out *csv.Writer }

func newImagesCSV(w io.Writer, _ string) writer {
	out := csv.NewWriter(w)
	head := make([]string, len(imageFields))
	for i, f := range imageFields {
		head[i] = f.name
	}
	_ = out.Write(head) // close has the error
	return imagesCSV{out}
}

func (c imagesCSV) add(_ context.Context, p *Picture) error {
	row := imageRow(p)
	line := make([]string, len(row))
	for i, v := range row {
		switch v := v.(type) {
		case string:
			line[i] = harmless(v)
		case int:
			line[i] = strconv.Itoa(v)
		case float64:
			line[i] = decimal(v)
		}
	}
	return c.out.Write(line)
}

func (c imagesCSV) close() error {
	c.out.Flush()
	return c.out.Error()
}

// harmless keeps a spreadsheet from taking a text for a formula: whoever names a file must not run anything in the program of who
// opens the table.
// https://owasp.org/www-community/attacks/CSV_Injection
func harmless(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
