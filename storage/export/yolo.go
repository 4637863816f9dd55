package export

import (
	"archive/zip"
	"bufio"
	"context"
	"io"
	"strconv"
	"time"
)

// labelFolder writes a data set for YOLO's segmentation: a text a picture, with a line an object, and data.yaml. The images
// are for its user to put beside them.
// https://docs.ultralytics.com/datasets/segment/
type labelFolder struct {
	folder
	prefix  string
	classes classes
	ended   time.Time // of the picture that was done last
}

func newYOLO(w io.Writer, _ string) writer {
	a := zip.NewWriter(w)
	return archive{newLabelFolder(a, ""), a.Close}
}

func newLabelFolder(a *zip.Writer, prefix string) *labelFolder {
	l := &labelFolder{prefix: prefix}
	l.folder = folder{a, prefix + "labels/", ".txt", l.write}
	return l
}

// write writes the lines of a picture: the class, then x and y of each point as parts of the width and the height. The points are
// pixel centres, so that what fills polygons in whole pixels, rims included (OpenCV's fillPoly), draws the object again.
func (l *labelFolder) write(_ context.Context, w io.Writer, p *Picture) error {
	class := l.classes.number(p.Model)
	l.ended = later(l.ended, p)
	out := bufio.NewWriterSize(w, flushAt)
	var b []byte
	for i := range p.Objects {
		b = strconv.AppendInt(b[:0], int64(class), 10)
		for _, point := range closedPath(&p.Objects[i]) {
			b = appendPart(append(b, ' '), point[0], p.Image.Width)
			b = appendPart(append(b, ' '), point[1], p.Image.Height)
		}
		if _, err := out.Write(append(b, '\n')); err != nil {
			return err
		}
	}
	return out.Flush()
}

// appendPart appends where pixel i of n has its centre, between 0 and 1; seven digits tell the pixels of every image apart.
func appendPart(b []byte, i, n int) []byte {
	return strconv.AppendFloat(b, (float64(i)+0.5)/float64(n), 'f', 7, 64)
}

func (l *labelFolder) close() error {
	w, err := create(l.zip, l.prefix+"data.yaml", l.ended)
	if err != nil {
		return err
	}
	// Without a path the folders are looked for beside this file; with one of "." where the training is started.
	b := []byte("# Put the images into images/, each under the name of its text in labels/.\ntrain: images\nval: images\nnames:\n")
	for i, model := range l.classes {
		b = strconv.AppendInt(append(b, "  "...), int64(i), 10)
		b = append(appendString(append(b, ": "...), model), '\n')
	}
	_, err = w.Write(b)
	return err
}
