package planes

import "encoding/json"

// shaped reads what tifffile says in the description of the only page: the shape of an array, of which a truncated file has the other
// planes behind the first, one after the other (tifffile.TiffWriter, "shaped" metadata).
func shaped(pages []page, description string, most int) ([]Plane, error) {
	var says struct {
		Shape     []int `json:"shape"`
		Truncated bool  `json:"truncated"`
	}
	if json.Unmarshal([]byte(description), &says) != nil || !says.Truncated {
		return plain(pages), nil
	}
	layout := pages[0].layout
	samples := int64(1)
	for _, n := range says.Shape {
		if n < 1 || samples > maxSamples/int64(n) {
			return plain(pages), nil
		}
		samples *= int64(n)
	}
	own := int64(layout.Width) * int64(layout.Height) * int64(layout.SamplesPerPixel())
	if samples%own > 0 || samples == own {
		return plain(pages), nil
	}
	count := samples / own
	if most > 0 && count > int64(most) {
		return nil, tooMany(int(min(count, 1<<31)), most)
	}
	return following(pages[0], int(count))
}

// maxSamples is more than any file holds.
const maxSamples = 1 << 50
