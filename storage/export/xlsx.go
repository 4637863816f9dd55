package export

import (
	"context"
	"errors"
	"io"
	"strconv"

	"github.com/xuri/excelize/v2"

	"seghub/models/mask"
)

// maxRows is how many rows a sheet may have; what is beyond goes to another one.
const maxRows = excelize.TotalRows

// workbook is the table of objects with a table of images and one that explains the columns.
type workbook struct {
	w      io.Writer
	temp   string
	table  table
	images [][]any
}

func newXLSX(w io.Writer, temp string) writer {
	return &workbook{w: w, temp: temp, table: table{temp: temp}}
}

func (b *workbook) add(_ context.Context, p *Picture) error {
	b.images = append(b.images, imageRow(p))
	return b.table.add(p)
}

// imageFields are the columns of the table of images.
var imageFields = []field{
	{name: "image", says: "Name of the file"},
	{name: "name", says: nameSays},
	{name: "page", says: "Page of the file, from 1"},
	{name: "channel", says: "Channel that was segmented, from 1"},
	{name: "z", says: "Depth in the stack, from 1; empty of a projection"},
	{name: "t", says: "Time in the series, from 1"},
	{name: "width_px", unit: "px", says: "Width of the image"},
	{name: "height_px", unit: "px", says: "Height of the image"},
	{name: "pixel_size_um", unit: "µm", says: "Side of a pixel; empty where it is not known"},
	{name: "model", says: "Model that segmented it"},
	{name: "threshold", says: "Probability from which on a pixel belonged to an object"},
	{name: "receipt", says: "Receipt that tells how it was made"},
	{name: "revision", says: "Revision of the result; above 1 it was corrected"},
	{name: "count", says: "Number of objects"},
	{name: "total_area_px", unit: "px²", says: "Area of all objects"},
	{name: "total_area_um2", unit: "µm²", says: "Area of all objects"},
	{name: "coverage", says: "Part of the image that objects cover, 0 to 1"},
	{name: "mean_area_px", unit: "px²", says: "Mean area of its objects"},
	{name: "mean_area_um2", unit: "µm²", says: "Mean area of its objects"},
	{name: "mean_equivalent_diameter_px", unit: "px", says: "Mean equivalent diameter of its objects"},
	{name: "mean_equivalent_diameter_um", unit: "µm", says: "Mean equivalent diameter of its objects"},
	{name: "mean_perimeter_px", unit: "px", says: "Mean perimeter of its objects"},
	{name: "mean_circularity", says: "Mean circularity of its objects"},
	{name: "mean_solidity", says: "Mean solidity of its objects"},
	{name: "mean_probability", says: "Mean of its objects' mean probabilities"},
}

func imageRow(p *Picture) []any {
	mean := func(of func(o *mask.Object) float64) any {
		if len(p.Objects) == 0 {
			return nil
		}
		sum := 0.0
		for i := range p.Objects {
			sum += of(&p.Objects[i])
		}
		return sum / float64(len(p.Objects))
	}
	area := mean(func(o *mask.Object) float64 { return float64(o.Area) })
	diameter := mean(func(o *mask.Object) float64 { return o.EquivalentDiameter })
	var size, totalUM2, areaUM2, diameterUM any
	if p.Image.PixelSize != nil {
		um := *p.Image.PixelSize
		size, totalUM2 = um, float64(p.Summary.TotalArea)*um*um
		if len(p.Objects) > 0 {
			areaUM2, diameterUM = area.(float64)*um*um, diameter.(float64)*um
		}
	}
	place := func(i int) any {
		if i < 0 {
			return nil
		}
		return i + 1
	}
	return []any{
		p.Image.Filename, p.stem, p.Image.Page + 1, place(p.Channel), place(p.Z), place(p.T), p.Image.Width, p.Image.Height, size, p.Model, p.Options.Threshold, p.Receipt.ID, p.Revision,
		p.Summary.Count, p.Summary.TotalArea, totalUM2, p.Summary.Coverage, area, areaUM2, diameter, diameterUM,
		mean(func(o *mask.Object) float64 { return o.Perimeter }),
		mean(func(o *mask.Object) float64 { return o.Circularity }),
		mean(func(o *mask.Object) float64 { return o.Solidity }),
		mean(func(o *mask.Object) float64 { return o.MeanProbability }),
	}
}

func (b *workbook) close() (err error) {
	defer b.table.close()
	book := excelize.NewFile(excelize.Options{TmpDir: b.temp})
	defer func() { err = errors.Join(err, book.Close()) }()
	bold, err := book.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	if err != nil {
		return err
	}
	columns := columnsOf(b.table.channels)
	if err := b.writeObjects(&sheets{book: book, bold: bold}, columns); err != nil {
		return err
	}
	images := &sheets{book: book, bold: bold}
	if err := images.begin("images", imageFields); err != nil {
		return err
	}
	for _, row := range b.images {
		if err := images.add(row); err != nil {
			return err
		}
	}
	if err := images.end(); err != nil {
		return err
	}
	if err := explain(&sheets{book: book, bold: bold}, columns); err != nil {
		return err
	}
	_, err = book.WriteTo(b.w)
	return err
}

// writeObjects writes the rows of objects. Texts stay texts in a workbook, whatever they begin with.
func (b *workbook) writeObjects(s *sheets, columns []field) error {
	if err := s.begin("objects", columns); err != nil {
		return err
	}
	cells := make([]any, len(columns))
	err := b.table.each(func(row []string) error {
		for i, text := range row {
			switch {
			case i < len(fields) && fields[i].text != nil:
				cells[i] = text
			case text == "":
				cells[i] = nil
			default:
				v, err := strconv.ParseFloat(text, 64)
				if err != nil {
					return err
				}
				cells[i] = v
			}
		}
		return s.add(cells[:len(row)])
	})
	if err != nil {
		return err
	}
	return s.end()
}

// explain writes a sheet that says what each column is.
func explain(s *sheets, columns []field) error {
	if err := s.begin("columns", []field{{name: "sheet"}, {name: "column"}, {name: "unit"}, {name: "meaning"}}); err != nil {
		return err
	}
	for _, sheet := range []struct {
		name    string
		columns []field
	}{{"objects", columns}, {"images", imageFields}} {
		for _, f := range sheet.columns {
			if err := s.add([]any{sheet.name, f.name, f.unit, f.says}); err != nil {
				return err
			}
		}
	}
	return s.end()
}

// sheets writes one table over as many sheets as it takes.
type sheets struct {
	book    *excelize.File
	bold    int
	name    string
	columns []field
	count   int
	stream  *excelize.StreamWriter
	row     int // the last that was written
}

// begin starts the next sheet, with its head.
func (s *sheets) begin(name string, columns []field) (err error) {
	s.count++
	s.name, s.columns = name, columns
	title := name
	if s.count > 1 {
		title += " " + strconv.Itoa(s.count)
	}
	if list := s.book.GetSheetList(); len(list) == 1 && list[0] == "Sheet1" { // the one that a new workbook has
		err = s.book.SetSheetName(list[0], title)
	} else {
		_, err = s.book.NewSheet(title)
	}
	if err != nil {
		return err
	}
	if s.stream, err = s.book.NewStreamWriter(title); err != nil {
		return err
	}
	err = errors.Join(s.stream.SetColWidth(1, len(columns), 16),
		s.stream.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}))
	if err != nil {
		return err
	}
	head := make([]any, len(columns))
	for i, f := range columns {
		head[i] = excelize.Cell{StyleID: s.bold, Value: f.name}
	}
	s.row = 0
	return s.set(head)
}

func (s *sheets) add(cells []any) error {
	if s.row == maxRows {
		if err := errors.Join(s.end(), s.begin(s.name, s.columns)); err != nil {
			return err
		}
	}
	return s.set(cells)
}

func (s *sheets) set(cells []any) error {
	s.row++
	return s.stream.SetRow("A"+strconv.Itoa(s.row), cells)
}

func (s *sheets) end() error { return s.stream.Flush() }
