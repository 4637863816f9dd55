package models

import "math"

// overlap is the part of a tile, 1 in so many, that it shares with the next one at least. What a network says of a pixel near
// the edge of its input, where it sees one side alone, is thereby never used inside the image.
const overlap = 9

// span is a tile's part of an axis: it begins at start, and is all there is from full on. From rise up to full it comes in as the one before
// it goes out: in the middle half of what the two share, so that no more than two ever meet.
type span struct{ start, rise, full int }

// tilesAlong is how many tiles of side an axis of length pixels takes at least.
func tilesAlong(length, side int) int {
	shared := side / overlap
	return max(1, (length-shared+side-shared-1)/(side-shared))
}

// longest is the length of an axis that so many tiles of side cover at most.
func longest(tiles, side int) int {
	return side + (tiles-1)*(side-side/overlap)
}

// spans cuts an axis of length pixels into tiles of side: as few as overlap, evenly spread.
func spans(length, side int) []span {
	cut := make([]span, tilesAlong(length, side))
	count := len(cut)
	for i := 1; i < count; i++ {
		cut[i].start = i * (length - side) / (count - 1)
		quarter := (cut[i-1].start + side - cut[i].start) / 4
		cut[i].rise, cut[i].full = cut[i].start+quarter, cut[i-1].start+side-quarter
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
