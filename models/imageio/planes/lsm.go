package planes

import (
	"encoding/binary"
	"math"

	"seghub/models/imageio/tiff"
)

// lsm reads what Zeiss' confocal microscopes write (.lsm): the samples of a pixel are channels, whatever the page says of colours; the
// page behind each is its thumbnail. How many depths and times there are, and how large a pixel is, the tag CZ_LSMINFO says (Zeiss, LSM
// 5 image file format, version 3.2).
func lsm(pages []page) ([]Plane, error) {
	const depths, times, width, height, end = 16, 24, 40, 48, 56 // in the tag; sizes are in metres
	info, err := pages[0].directory.Bytes(tiff.LSMInfo, end)
	if err != nil {
		return nil, err
	}
	all := plain(pages)
	for i := range all {
		all[i].Layout, all[i].Reduced = all[i].Separate(), nil
	}
	if len(info) < end {
		return all, nil
	}
	z, t := int(binary.LittleEndian.Uint32(info[depths:])), int(binary.LittleEndian.Uint32(info[times:]))
	metres := func(at int) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(info[at:])) }
	size := metres(width) * 1e6
	for i := range all {
		if z > 0 && z <= len(all) && z*t == len(all) {
			all[i].Z, all[i].T = i%z, i/z
		}
		if plausible(size) && same(metres(width), metres(height)) {
			all[i].PixelSize, all[i].PixelSizeFrom = tidy(size), "LSM"
		}
	}
	return all, nil
}
