package planes

import (
	"encoding/xml"
	"strings"

	"seghub/models/imageio/tiff"
)

// metaMorph reads a stack of MetaMorph (.stk): one page, behind which its other planes lie. How many, the count of the tag UIC2 says
// (Molecular Devices, MetaMorph Stack Image File Format, 2006).
func metaMorph(pages []page, description string, most int) ([]Plane, error) {
	first := pages[0]
	count := first.directory.Count(tiff.UIC2)
	if most > 0 && count > uint64(most) {
		return nil, tooMany(int(min(count, 1<<31)), most)
	}
	all := plain(pages)
	if len(pages) == 1 && count > 1 {
		var err error
		if all, err = following(first, int(count)); err != nil {
			return nil, err
		}
	}
	size, height := first.directory.MetaMorphCalibration(micrometres)
	from := "MetaMorph"
	if !plausible(size) {
		size, from = metaSeries(description), "MetaSeries"
	} else if height > 0 && !same(size, height) {
		size = 0
	}
	if plausible(size) {
		for i := range all {
			all[i].PixelSize, all[i].PixelSizeFrom = size, from
		}
	}
	return all, nil
}

// metaSeries finds the size of a pixel, in µm, in the XML that MetaXpress and MetaMorph write; 0 where it is not there.
func metaSeries(description string) float64 {
	values := make(map[string]string)
	err := walk(description, func(e xml.StartElement, _ []string) {
		if id := attribute(e, "id"); e.Name.Local == "prop" && strings.HasPrefix(id, "spatial-calibration-") {
			if _, known := values[id]; !known {
				values[id] = attribute(e, "value")
			}
		}
	}, nil)
	x, parseErr := decimal(values["spatial-calibration-x"])
	y, _ := decimal(values["spatial-calibration-y"])
	if err != nil || parseErr != nil || values["spatial-calibration-state"] == "off" || y != 0 && !same(x, y) {
		return 0
	}
	return x * micrometres(values["spatial-calibration-units"])
}
