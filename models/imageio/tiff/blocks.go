package tiff

import (
	"math"
	"slices"

	"seghub/models/imageio/refusal"
)

// blocks gives where each lies, which is within the file: offset 0 and count 0 is one that was never written, and is black.
func (l *Layout) blocks() (offsets, counts []uint64, err error) {
	d := l.directory
	offsetTag, countTag := StripOffsets, StripByteCounts
	if d.Has(TileOffsets) {
		offsetTag, countTag = TileOffsets, TileByteCounts
	}
	expected, err := l.expected()
	if err != nil {
		return nil, nil, err
	}
	if uint64(expected) > d.Count(offsetTag) {
		return nil, nil, refusal.Corrupt("This TIFF says where %d of the %d pieces of a page lie.", d.Count(offsetTag), expected)
	}
	if offsets, err = d.Uints(offsetTag, expected); err != nil {
		return nil, nil, err
	}
	if counts, err = d.Uints(countTag, expected); err != nil {
		return nil, nil, err
	}
	for i := range offsets {
		offsets[i] += uint64(l.shift)
	}
	if l.wrapped {
		unwrap(offsets, l.after)
	}
	if l.compression == none {
		counts = l.plainCounts(offsets, counts)
	} else {
		counts = l.reaches(offsets, counts)
	}
	return offsets, counts, l.judgeBlocks(offsets, counts)
}

// expected is how many blocks there are, no more than the file has bytes.
func (l *Layout) expected() (int, error) {
	size := min(l.directory.file.size, maxSide)
	expected := int64(l.across) * int64(l.down) // both below 2^31
	if expected > size {
		return 0, errCut()
	}
	if l.planar {
		expected *= int64(l.perPixel)
	}
	return int(expected), nil
}

// plainCounts are the lengths that uncompressed blocks must have, whatever the file says of those that were written.
func (l *Layout) plainCounts(offsets, given []uint64) []uint64 {
	counts := make([]uint64, len(offsets))
	for i := range counts {
		if never := i < len(given) && given[i] == 0 && offsets[i] == uint64(l.shift); !never {
			counts[i] = l.plainBytes(i)
		}
	}
	return counts
}

// reaches are how long compressed blocks are: as the file says, or where it says it of none, each to the next that follows or to the end
// of the file. Their codecs know where they end.
func (l *Layout) reaches(offsets, counts []uint64) []uint64 {
	told := slices.ContainsFunc(counts, func(n uint64) bool { return n > 0 })
	if told && len(counts) == len(offsets) && !l.countsUnpacked(counts) {
		return counts
	}
	ends := append(slices.Sorted(slices.Values(offsets)), uint64(l.directory.file.size))
	counts = make([]uint64, len(offsets))
	for i, offset := range offsets {
		if next, _ := slices.BinarySearch(ends, offset+1); offset > 0 && next < len(ends) { // 0 is of one that was never written
			counts[i] = ends[next] - offset
		}
	}
	return counts
}

// countsUnpacked tells whether the lengths are those of the decompressed blocks, as Zeiss' programs write them (.lsm).
func (l *Layout) countsUnpacked(counts []uint64) bool {
	if l.compression != lzwCompression {
		return false
	}
	for i, n := range counts {
		if n != l.plainBytes(i) {
			return false
		}
	}
	return true
}

// judgeBlocks wants all blocks within the file, and one at least.
func (l *Layout) judgeBlocks(offsets, counts []uint64) error {
	size := uint64(l.directory.file.size)
	written := false
	for i, offset := range offsets {
		if offset > size || counts[i] > size-offset {
			return errCut()
		}
		written = written || counts[i] > 0
	}
	if !written {
		return refusal.Corrupt("The pixels of a page of this TIFF were never written.")
	}
	return nil
}

// plainBytes is how much an uncompressed block has. A strip ends with the image; a tile does not.
func (l *Layout) plainBytes(i int) uint64 {
	rows := l.rows(i)
	if l.subsampled() {
		units := (l.Block.X + l.subsampling.X - 1) / l.subsampling.X
		return uint64(units*l.unitBytes()) * uint64((rows+l.subsampling.Y-1)/l.subsampling.Y)
	}
	return uint64(l.rawRow()) * uint64(rows)
}

// rows of a block.
func (l *Layout) rows(i int) int {
	if l.Tiled {
		return l.Block.Y
	}
	return min(l.Block.Y, l.Height-i/l.across%l.down*l.Block.Y)
}

// unitBytes is what a unit of subsampled colour has: some lumas, and two chromas.
func (l *Layout) unitBytes() int { return l.subsampling.X*l.subsampling.Y + 2 }

// Contiguous is how many bytes the strips of an uncompressed page take that lie behind each other; false when they do not.
func (l *Layout) Contiguous() (size int64, ok bool) {
	offsets, counts, err := l.blocks()
	if err != nil || !l.Uncompressed || l.Tiled {
		return 0, false
	}
	for i, offset := range offsets {
		if offset != offsets[0]+uint64(size) {
			return 0, false
		}
		size += int64(counts[i])
	}
	return size, true
}

// Shifted is a page of the same layout that lies so many bytes further on.
func (l *Layout) Shifted(bytes int64) (*Layout, error) {
	shifted := *l
	shifted.shift += bytes
	_, _, err := shifted.blocks()
	return &shifted, err
}

// Wraps tells whether the page's file is larger than its offsets can say, which have 32 bits.
func (l *Layout) Wraps() bool {
	return l.directory.file.size > math.MaxUint32 && !l.directory.file.big
}

// Unwrapped is a page of the same layout of whose offsets the file has the lowest 32 bits: its blocks lie behind a place and behind each other,
// less than 4 GB further on. It also gives where the last of them lies.
func (l *Layout) Unwrapped(after int64) (unwrapped *Layout, last int64, err error) {
	whole := *l
	whole.wrapped, whole.after = true, after
	offsets, _, err := whole.blocks()
	for _, offset := range offsets {
		last = max(last, int64(offset))
	}
	return &whole, last, err
}

// unwrap completes offsets that rise; 0 is of a block that was never written.
func unwrap(offsets []uint64, after int64) {
	const step = 1 << 32
	least := uint64(after)
	for i, offset := range offsets {
		if offset == 0 {
			continue
		}
		if offset < least {
			offset += (least - offset + step - 1) / step * step
		}
		offsets[i], least = offset, offset
	}
}
