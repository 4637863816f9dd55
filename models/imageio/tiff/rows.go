package tiff

// rows makes the rows of one block, from top to bottom: scroll.Rows.
type rows struct {
	layout *Layout
	which  []int

	streams  []stream // one, or where planes have blocks of their own, one for each sample of which
	unpack   unpacker
	paint    painter
	raw      []byte // a row as the predictor leaves it
	unpacked []byte // its samples
	needed   []byte // those of them that are needed
}

// openRows begins with a block.
func (r *Reader) openRows(i int) (*rows, error) {
	l := r.layout
	s := &rows{layout: l, which: r.which, unpack: l.unpacker(), paint: l.painter()}
	if l.photometric == yCbCr && r.counts[i] == 0 {
		s.paint = nil // a block that was never written is black, as which three zeros are no colour here
	}
	planes := []int{0}
	if l.planar {
		planes = r.which
	}
	for _, plane := range planes {
		stream, err := r.openPiece(i + plane*l.across*l.down)
		if err != nil {
			s.End()
			return nil, damaged(err)
		}
		s.streams = append(s.streams, stream)
	}
	size := l.unpacked.Size()
	s.raw = make([]byte, l.rawRow())
	s.unpacked = make([]byte, l.Block.X*l.inBlock()*size)
	s.needed = make([]byte, l.Block.X*len(s.which)*size)
	return s, nil
}

// End gives back what the streams were lent.
func (s *rows) End() {
	for _, stream := range s.streams {
		stream.end()
	}
}

// Make fills dst with the next row.
func (s *rows) Make(dst []byte) error {
	l := s.layout
	var row []byte
	for k, stream := range s.streams {
		raw, err := stream.next(len(s.raw))
		if err != nil {
			return damaged(err)
		}
		if l.predictor > 1 {
			copy(s.raw, raw)
			unpredict(s.raw, l.predictor, l.inBlock(), l.Bits/8, l.directory.file.order)
			raw = s.raw
		}
		if row = raw; s.unpack != nil {
			s.unpack(s.unpacked, raw, l.Block.X*l.inBlock())
			row = s.unpacked
		}
		if len(s.streams) > 1 {
			scatter(s.needed, row, k, len(s.which), l.unpacked.Size())
		}
	}
	switch {
	case len(s.streams) > 1:
		row = s.needed
	case len(s.which) < l.inBlock():
		gather(s.needed, row, s.which, l.inBlock(), l.unpacked)
		row = s.needed
	}
	if s.paint != nil {
		s.paint(dst, row, l.Block.X)
		return nil
	}
	copy(dst, row)
	if l.photometric == whiteIsZero {
		l.invert(dst)
	}
	return nil
}

// scatter puts the samples of one plane in their places among those of count.
func scatter(dst, src []byte, which, count, size int) {
	for i := which * size; i < len(dst); i += count * size {
		copy(dst[i:i+size], src)
		src = src[size:]
	}
}
