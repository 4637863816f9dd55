package planes

import (
	"encoding/json"
	"strings"
)

// shape is what tifffile says of an array in the description of its first page (tifffile.TiffWriter, "shaped" metadata).
type shape struct {
	Shape     []int  `json:"shape"`
	Axes      string `json:"axes"`      // a letter for each of the shape's numbers, where the person who wrote the file has told them
	Truncated bool   `json:"truncated"` // the file has the first page alone; the other planes lie behind that, one after the other
}

// shaped reads a file of tifffile's.
func shaped(pages []page, description string, most int) ([]Plane, error) {
	var says shape
	all := plain(pages)
	if json.Unmarshal([]byte(description), &says) != nil {
		return all, nil
	}
	if says.Truncated && len(pages) == 1 {
		var err error
		if all, err = says.following(pages[0], most); err != nil {
			return nil, err
		}
	}
	says.place(all)
	for i := range all {
		all[i].Plain = true // to any other program
	}
	return all, nil
}

// following are the planes of a truncated file.
func (s shape) following(first page, most int) ([]Plane, error) {
	alone := plain([]page{first})
	samples := int64(1)
	for _, n := range s.Shape {
		if n < 1 || samples > maxSamples/int64(n) {
			return alone, nil
		}
		samples *= int64(n)
	}
	own := int64(first.layout.Width) * int64(first.layout.Height) * int64(first.layout.SamplesPerPixel())
	if samples%own > 0 || samples == own {
		return alone, nil
	}
	count := samples / own
	if most > 0 && count > int64(most) {
		return nil, tooMany(int(min(count, 1<<31)), most)
	}
	return following(first, int(count))
}

// maxSamples is more than any file holds.
const maxSamples = 1 << 50

// place puts the planes along channels, depths and times, where the axes tell these and no others; the last of them counts first.
func (s shape) place(all []Plane) {
	along := strings.IndexAny(s.Axes, "YXS") // the first axis within a plane
	if along < 1 || len(s.Axes) != len(s.Shape) {
		return
	}
	count := 1
	for axis, n := range s.Shape[:along] {
		name := s.Axes[axis]
		if !strings.Contains("TZC", string(name)) || strings.IndexByte(s.Axes[axis+1:], name) >= 0 || n < 1 || n > len(all)/count {
			return
		}
		count *= n
	}
	if count != len(all) {
		return
	}
	for i := range all {
		number := i
		all[i].Z = 0
		for axis := along - 1; axis >= 0; axis-- {
			n := s.Shape[axis]
			switch s.Axes[axis] {
			case 'T':
				all[i].T = number % n
			case 'Z':
				all[i].Z = number % n
			case 'C':
				all[i].Channel = number % n
			}
			number /= n
		}
	}
}
