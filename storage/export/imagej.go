package export

import (
	"archive/zip"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"unicode/utf16"

	"seghub/models/mask"
)

// writeRoiSet writes a picture's objects as the RoiSet.zip that ImageJ's ROI Manager opens.
func writeRoiSet(ctx context.Context, w io.Writer, p *Picture) error {
	a := zip.NewWriter(w)
	for i := range p.Objects {
		if err := ctx.Err(); err != nil {
			return err
		}
		name := fmt.Sprintf("%04d", p.Objects[i].ID)
		entry, err := create(a, name+".roi", p.Receipt.Times.Finished)
		if err != nil {
			return err
		}
		if _, err := entry.Write(roi(p, &p.Objects[i], name)); err != nil {
			return err
		}
	}
	return a.Close()
}

// Where what lies in an ImageJ ROI, in bytes from its start or from that of its second header: ij.io.RoiDecoder.
// https://github.com/imagej/ImageJ/blob/master/ij/io/RoiDecoder.java
const (
	roiVersion, roiType                      = 4, 6
	roiTop, roiLeft, roiBottom, roiRight     = 8, 10, 12, 14
	roiPoints, roiManyPoints                 = 16, 18
	roiShapeSize, roiPosition, roiHeader2    = 36, 56, 60
	roiHeader                                = 64
	header2C, header2Z, header2T             = 4, 8, 12
	header2Name, header2NameLength, header2N = 16, 20, 64

	version      = 228
	typeRect     = 1 // with a shape behind it: a composite
	typeTraced   = 8
	segmentMove  = 0
	segmentLine  = 1
	segmentClose = 4
)

// farthest is how far a box may reach: ImageJ takes what is a little further for numbers below zero, and from 65,536 on there is no room.
const farthest = 60_000

// roi is an object as ImageJ's: traced along its pixel corners, relative to its box; or, where it has holes or parts, or lies beyond what
// a box can tell, a shape of rings, whose points are floats and need no box.
func roi(p *Picture, o *mask.Object, name string) []byte {
	b := make([]byte, roiHeader, 256)
	be := binary.BigEndian
	copy(b, "Iout")
	be.PutUint16(b[roiVersion:], version)
	x, y, width, height := o.BBox[0], o.BBox[1], o.BBox[2], o.BBox[3]
	be.PutUint16(b[roiTop:], uint16(y))
	be.PutUint16(b[roiLeft:], uint16(x))
	be.PutUint16(b[roiBottom:], uint16(y+height))
	be.PutUint16(b[roiRight:], uint16(x+width))
	if polygons := polygonsOf(o); len(polygons) == 1 && len(polygons[0]) == 1 && max(x+width, y+height) <= farthest {
		b = appendTraced(b, polygons[0][0], x, y)
	} else {
		b = appendShape(b, polygons)
	}
	if p.Pages > 1 && p.Z >= 0 { // a projection's are on every slice
		be.PutUint32(b[roiPosition:], uint32(p.Image.Page+1))
	}
	be.PutUint32(b[roiHeader2:], uint32(len(b)))
	second := make([]byte, header2N)
	c, z, t := p.Channel, p.Z, p.T
	if p.Plain && z >= 0 { // the pages of a plain stack are slices to ImageJ
		c, z, t = 0, p.Image.Page, 0
	}
	be.PutUint32(second[header2C:], uint32(c+1))
	be.PutUint32(second[header2Z:], uint32(z+1))
	be.PutUint32(second[header2T:], uint32(t+1))
	letters := utf16.Encode([]rune(name))
	be.PutUint32(second[header2Name:], uint32(len(b)+len(second)))
	be.PutUint32(second[header2NameLength:], uint32(len(letters)))
	b = append(b, second...)
	for _, letter := range letters {
		b = be.AppendUint16(b, letter)
	}
	return b
}

// appendTraced appends the points of a ring: all x, then all y, from the corner of the box.
func appendTraced(b []byte, ring []mask.Point, left, top int) []byte {
	b[roiType] = typeTraced
	if len(ring) <= math.MaxUint16 {
		binary.BigEndian.PutUint16(b[roiPoints:], uint16(len(ring)))
	} else {
		binary.BigEndian.PutUint32(b[roiManyPoints:], uint32(len(ring)))
	}
	for _, p := range ring {
		b = binary.BigEndian.AppendUint16(b, uint16(p[0]-left))
	}
	for _, p := range ring {
		b = binary.BigEndian.AppendUint16(b, uint16(p[1]-top))
	}
	return b
}

// appendShape appends rings as the segments of a path that is filled by the even-odd rule.
func appendShape(b []byte, polygons []polygon) []byte {
	b[roiType] = typeRect
	floats := uint32(0)
	add := func(values ...float32) {
		for _, v := range values {
			b = binary.BigEndian.AppendUint32(b, math.Float32bits(v))
			floats++
		}
	}
	for _, polygon := range polygons {
		for _, ring := range polygon {
			kind := float32(segmentMove)
			for _, p := range ring {
				add(kind, float32(p[0]), float32(p[1]))
				kind = segmentLine
			}
			add(segmentClose)
		}
	}
	binary.BigEndian.PutUint32(b[roiShapeSize:], floats)
	return b
}
