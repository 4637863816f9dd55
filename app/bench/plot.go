package bench

import (
	"errors"
	"fmt"
	"image/color"
	"os"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	_ "gonum.org/v1/plot/vg/vgsvg" // what the .svg of a file's name asks for
)

// colours of the paths: Okabe and Ito's, which colour-blind people can tell apart.
var colours = map[Path]color.Color{
	PathBare: color.RGBA{R: 0x99, G: 0x99, B: 0x99, A: 0xff},
	PathLock: color.RGBA{R: 0xd5, G: 0x5e, A: 0xff},
	PathPool: color.RGBA{R: 0x56, G: 0xb4, B: 0xe9, A: 0xff},
	PathHub:  color.RGBA{G: 0x72, B: 0xb2, A: 0xff},
}

const (
	plotWidth  = 20 * vg.Centimeter
	plotHeight = 11 * vg.Centimeter
)

// figure is one plot of bars: a group a load, a bar a path.
type figure struct {
	file, title, axis string
	value             func(Row) float64
}

var figures = []figure{
	{"throughput.svg", "Images a second", "images/s", func(r Row) float64 { return r.ImagesPerSecond }},
	{"share.svg", "Images a second beside bare ONNX Runtime", "share of the bare loop's", func(r Row) float64 { return r.OfBare }},
	{"latency.svg", "95 of 100 images are done within", "ms from the beginning of the round", func(r Row) float64 { return r.P95 }},
	{"memory.svg", "Resident memory of the path's processes", "MiB", func(r Row) float64 { return float64(r.ResidentBytes) / mib }},
}

// WritePlots draws the report into folder, as SVG, and returns the files' names.
func (r Report) WritePlots(folder string) ([]string, error) {
	var files []string
	for _, f := range figures {
		if err := r.draw(f, filepath.Join(folder, f.file)); err != nil {
			return nil, fmt.Errorf("draw %s: %w", f.file, err)
		}
		files = append(files, f.file)
	}
	return files, nil
}

func (r Report) draw(f figure, file string) error {
	p := plot.New()
	p.Title.Text = f.title + ", " + r.Device
	p.Y.Label.Text = f.axis
	p.Legend.Top = true
	for _, style := range []*text.Style{&p.Title.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label, &p.Y.Label.TextStyle, &p.Legend.TextStyle} {
		style.Font.Variant = "Sans"
	}
	var loads []string
	values := make(map[Path]plotter.Values)
	for i, row := range r.Rows {
		if i%len(Paths) == 0 {
			loads = append(loads, fmt.Sprintf("%s x%d", row.Model, row.Sessions))
		}
		values[row.Path] = append(values[row.Path], f.value(row)) // a path that failed has no bar
	}
	width := plotWidth * 0.7 / vg.Length(len(loads)*len(Paths))
	for i, path := range Paths {
		bars, err := plotter.NewBarChart(values[path], width)
		if err != nil {
			return err
		}
		bars.Color = colours[path]
		bars.LineStyle.Width = 0
		bars.Offset = width * (vg.Length(i) - vg.Length(len(Paths)-1)/2)
		p.Add(bars)
		p.Legend.Add(string(path), bars)
	}
	p.NominalX(loads...)
	// Names begin at their group: the viewer's font may be wider than the one that was measured.
	p.X.Tick.Label.Rotation = -0.9
	p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = text.XLeft, text.YCenter
	p.X.Min, p.X.Max = -0.6, 1.08*float64(len(loads))-0.4 // the last name reaches beyond its group
	p.Y.Min, p.Y.Max = 0, p.Y.Max*1.3                     // the legend lies above the bars
	picture, err := p.WriterTo(plotWidth, plotHeight, "svg")
	if err != nil {
		return err
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = picture.WriteTo(out)
	return errors.Join(err, out.Close())
}
