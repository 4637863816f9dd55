package planes

import (
	"encoding/binary"
	"math"

	"seghub/models/imageio/refusal"
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
		info = make([]byte, end) // it says nothing
	}
	z, t := int(binary.LittleEndian.Uint32(info[depths:])), int(binary.LittleEndian.Uint32(info[times:]))
	metres := func(at int) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(info[at:])) }
	size := metres(width) * 1e6
	known := z > 0 && z <= len(all) && z*t == len(all)
	if all[0].Wraps() {
		if !known && t != 1 {
			return nil, refusal.Unsupported("This .lsm is larger than 4 GB and of several places at several times, of which it does not say " +
				"where they lie: save it as OME-TIFF, or each place by itself.")
		}
		if err := unwrap(all); err != nil {
			return nil, err
		}
	}
	for i := range all {
		if known {
			all[i].Z, all[i].T = i%z, i/z
		}
		if plausible(size) && same(metres(width), metres(height)) {
			all[i].PixelSize, all[i].PixelSizeFrom = tidy(size), "LSM"
		}
	}
	return all, nil
}

// unwrap finds the planes of a file of more than 4 GB, whose offsets have 32 bits all the same: they lie behind each other. Only where several
// places of a sample were looked at time by time, the pages have another order, as tifffile knows.
func unwrap(all []Plane) error {
	at := int64(0)
	for i := range all {
		var err error
		if all[i].Layout, at, err = all[i].Unwrapped(at); err != nil {
			return err
		}
	}
	return nil
}
