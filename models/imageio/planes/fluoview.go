package planes

import (
	"strings"

	"seghub/models/imageio/tiff"
)

// fluoView reads what Olympus' FluoView and Andor's iQ say of the axes of a file.
func fluoView(pages []page) []Plane {
	all := plain(pages)
	var width, height float64 // of a pixel, in µm
	var axes []tiff.Axis      // of the pages
	count := 1
	for _, a := range pages[0].directory.FluoViewAxes() {
		switch strings.ToLower(a.Name) {
		case "x":
			width = a.Step * micrometres(a.Unit)
		case "y":
			height = a.Step * micrometres(a.Unit)
		default:
			axes = append(axes, a)
			if count <= len(all) {
				count *= min(a.Length, len(all)+1)
			}
		}
	}
	for i := range all {
		if count == len(all) {
			all[i].place(i, axes)
		}
		if plausible(width) && same(width, height) {
			all[i].PixelSize, all[i].PixelSizeFrom = tidy(width), "FluoView"
		}
	}
	return all
}

// place puts the page of a number where that is along the axes.
func (p *Plane) place(number int, axes []tiff.Axis) {
	p.Z = 0
	steps := make(map[*int]int) // what counts along several axes goes on
	for _, a := range axes {
		along := &p.Image
		switch strings.ToLower(a.Name) {
		case "z", "event":
			along = &p.Z
		case "ch", "wavelength":
			along = &p.Channel
		case "t", "time", "animation", "exposure":
			along = &p.T
		}
		step := max(1, steps[along])
		*along += number % a.Length * step
		steps[along] = step * a.Length
		number /= a.Length
	}
}
