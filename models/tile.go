package models

import "math"

// overlap is the part of a tile, 1 in so many, that it shares with the next one at least. What a network says of a pixel near
// the edge of its input, where it sees one side alone, is thereby never used inside the image.
const overlap = 9

// span is a tile's part of an axis: it begins at start, and is all there is from full on. From rise up to full it comes in as the one before
// it goes out: in the middle half of what the two share, or less, so that no more than two ever meet.
type span struct{ start, rise, full int }

// tileSide is a side of a model's input, in pixels, of which halo at each end are not to be gone by.
type tileSide struct{ length, halo int }

func (in Input) across() tileSide { return tileSide{in.Width, in.Halo} }
func (in Input) down() tileSide   { return tileSide{in.Height, in.Halo} }

// MostHalo is the most that the halo of tiles may be: what they share is half of them then.
func (in Input) MostHalo() int { return min(in.Height, in.Width) / 6 }

// shared is what two tiles have in common at least: beside the halo of each as much again, in which one goes over into the other.
func (s tileSide) shared() int { return max(s.length/overlap, 3*s.halo) }

// tiles is how many an axis of so many pixels takes at least.
func (s tileSide) tiles(axis int) int {
	stride := s.length - s.shared()
	return max(1, (axis-s.shared()+stride-1)/stride)
}

// longest is the axis that so many tiles cover at most.
func (s tileSide) longest(tiles int) int {
	return s.length + (tiles-1)*(s.length-s.shared())
}

// spans cuts an axis into tiles: as few as share enough, evenly spread.
func (s tileSide) spans(axis int) []span {
	cut := make([]span, s.tiles(axis))
	for i := 1; i < len(cut); i++ {
		cut[i].start = i * (axis - s.length) / (len(cut) - 1)
		shared := cut[i-1].start + s.length - cut[i].start
		unused := max(shared/4, s.halo)
		if len(cut) > 2 { // the next tile but one shall not be met
			unused = max(unused, shared-s.length/2)
		}
		cut[i].rise, cut[i].full = cut[i].start+unused, cut[i-1].start+s.length-unused
	}
	return cut
}

// wholeShare is the share of a tile from full on.
const wholeShare = 256

// share of the tile at x, from rise up to full.
func (s span) share(x int) int { return ((2*(x-s.rise) + 1) * wholeShare / 2) / (s.full - s.rise) }

// mix fills dst with a, of which b takes the share.
func mix(dst, a, b []uint8, share int) {
	for i := range dst {
		dst[i] = mixed(a[i], b[i], share)
	}
}

func mixed(a, b uint8, share int) uint8 {
	return uint8((int(a)*(wholeShare-share) + int(b)*share + wholeShare/2) / wholeShare)
}

// joinRow puts row y of the image as it was cut together, of one value of the outputs of a row of tiles that begins at start.
func (p Placement) joinRow(dst []uint8, tiles []Tensor, start, y, channel int) {
	for i, tile := range p.across {
		// from gives the value of x in this tile's row.
		values := tiles[i].C
		line := tiles[i].Pix[(y-start)*tiles[i].W*values+channel:]
		end := p.Width
		if i+1 < len(p.across) {
			end = p.across[i+1].full
		}
		x := tile.rise
		for ; x < tile.full; x++ {
			dst[x] = mixed(dst[x], line[(x-tile.start)*values], tile.share(x))
		}
		for ; x < end; x++ {
			dst[x] = line[(x-tile.start)*values]
		}
	}
}

// stretchTable maps the levels of an image from low to high over all of 0..255.
func stretchTable(low, high float64) (table [256]uint8) {
	scale := 255 / (high - low)
	for v := range table {
		table[v] = uint8(math.Round(min(255, max(0, (float64(v)-low)*scale))))
	}
	return table
}
