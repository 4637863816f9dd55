package export

import (
	"context"
	"encoding/csv"
	"io"
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

// harmless keeps a spreadsheet from taking a text for a formula: whoever names a file must not run anything in the program of who
// opens the table.
// https://owasp.org/www-community/attacks/CSV_Injection
func harmless(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
