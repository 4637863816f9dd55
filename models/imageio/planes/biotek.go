package planes

import (
	"encoding/xml"
	"regexp"

	"seghub/models/imageio/tiff"
)

// bioTek begins what Gen5, the program of BioTek's and Agilent's imagers (Cytation, Lionheart), says of each page.
const bioTek = "<BTIImageMetaData"

// bioTekChannels are the pictures of a file of Gen5, a channel each; or where two have one name, a plain stack.
func bioTekChannels(pages []page) []Plane {
	all := plain(pages)
	named := make(map[string]bool)
	for i, p := range pages {
		size, channel := bioTekPage(p.directory.Text(tiff.ImageDescription, maxText), p.layout)
		if plausible(size) {
			all[i].PixelSize, all[i].PixelSizeFrom = tidy(size), "BioTek"
		}
		all[i].Z, all[i].Channel, all[i].ChannelName = 0, i, channel
		named[channel] = true
	}
	if len(named) == len(all) {
		return all
	}
	for i := range all {
		all[i].Z, all[i].Channel, all[i].ChannelName, all[i].Plain = i, 0, "", true
	}
	return all
}

// bioTekColour is a channel as in "Stitched[DAPI 377,447]": its name, between what was made of it and its wavelengths.
var bioTekColour = regexp.MustCompile(`(?s)^(?:[\w ]+\[)?\s*(.*?)(?:\s+[\d.]+\s*,\s*[\d.]+)?\s*\]?$`)

// bioTekPage gives the name of a page's channel and, where it has as many pixels as when it was taken, the size of one in µm.
func bioTekPage(description string, layout *tiff.Layout) (size float64, channel string) {
	values := make(map[string]float64)
	_ = walk(description, func(e xml.StartElement, _ []string) { // what could be read, counts
		if e.Name.Local == "Channel" && channel == "" {
			channel = bioTekColour.FindStringSubmatch(attribute(e, "Color"))[1]
		}
	}, func(within []string, text string) {
		element := within[len(within)-1]
		if _, known := values[element]; known {
			return
		}
		if v, err := decimal(text); err == nil {
			values[element] = v
		}
	})
	width, height := values["ImageWidthMicrons"]/float64(layout.Width), values["ImageHeightMicrons"]/float64(layout.Height)
	if values["PixelWidth"] != float64(layout.Width) || !same(width, height) {
		return 0, channel
	}
	return width, channel
}
