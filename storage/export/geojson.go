package export

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"hash/fnv"
	"io"
	"strconv"

	"seghub/models/mask"
)

// flushAt is from how many bytes on what was appended is written.
const flushAt = 64 << 10

// writeGeoJSON writes a picture's objects as the FeatureCollection that QuPath imports: annotations with a plane in their geometry,
// a class, and measurements under QuPath's own names (its ObjectMeasurements.addShapeMeasurements).
// https://qupath.readthedocs.io/en/stable/docs/advanced/exporting_annotations.html
func writeGeoJSON(_ context.Context, w io.Writer, p *Picture) error {
	b := append(make([]byte, 0, 2*flushAt), `{"type":"FeatureCollection","features":[`...)
	class := appendClass(nil, p.Model)
	plane := appendPlane(nil, p)
	for i := range p.Objects {
		if i > 0 {
			b = append(b, ",\n"...)
		}
		b = appendFeature(b, p, &p.Objects[i], class, plane)
		if len(b) >= flushAt {
			if _, err := w.Write(b); err != nil {
				return err
			}
			b = b[:0]
		}
	}
	_, err := w.Write(append(b, "]}\n"...))
	return err
}

func appendFeature(b []byte, p *Picture, o *mask.Object, class, plane []byte) []byte {
	b = append(b, `{"type":"Feature","id":"`...)
	b = appendUUID(b, p.Job, o.ID)
	b = append(b, `","geometry":{`...)
	b = appendGeometry(b, polygonsOf(o))
	b = append(b, plane...)
	b = append(b, `},"properties":{"objectType":"annotation","name":"`...)
	b = strconv.AppendInt(b, int64(o.ID), 10)
	b = append(b, `","classification":`...)
	b = append(b, class...)
	b = append(b, `,"measurements":{`...)
	b = appendMeasurements(b, p, o)
	return append(b, "}}}"...)
}

// appendGeometry appends a Polygon, or a MultiPolygon of an object that hangs together at corners alone.
func appendGeometry(b []byte, polygons []polygon) []byte {
	if len(polygons) == 1 {
		b = append(b, `"type":"Polygon","coordinates":`...)
		return appendPolygon(b, polygons[0])
	}
	b = append(b, `"type":"MultiPolygon","coordinates":[`...)
	for i, p := range polygons {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendPolygon(b, p)
	}
	return append(b, ']')
}

func appendPolygon(b []byte, p polygon) []byte {
	b = append(b, '[')
	for i, ring := range p {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendRing(b, ring)
	}
	return append(b, ']')
}

// appendPlane appends where in the file the objects lie; channel -1 is all channels. The pages of a plain stack are times to Bio-Formats, by
// which QuPath reads those.
func appendPlane(b []byte, p *Picture) []byte {
	z, t := max(p.Z, 0), max(p.T, 0)
	if p.Plain {
		z, t = 0, p.Image.Page
	}
	b = append(b, `,"plane":{"c":-1,"z":`...)
	b = strconv.AppendInt(b, int64(z), 10)
	b = append(b, `,"t":`...)
	b = strconv.AppendInt(b, int64(t), 10)
	return append(b, '}')
}

// appendClass appends a class of the model's name, and a colour that is always the same for it.
func appendClass(b []byte, model string) []byte {
	hash := fnv.New32a()
	_, _ = io.WriteString(hash, model) // a hash takes everything
	colour := hash.Sum32()
	b = appendString(append(b, `{"name":`...), model)
	b = append(b, `,"color":[`...)
	for shift := 0; shift < 24; shift += 8 {
		if shift > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(64+(colour>>shift&0xff)*3/4), 10) // none too dark to be seen
	}
	return append(b, "]}"...)
}

func appendMeasurements(b []byte, p *Picture, o *mask.Object) []byte {
	first := len(b)
	add := func(name string, v float64) {
		if len(b) > first {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), name...), `":`...)
		b = appendNumber(b, v)
	}
	if c := o.Calibrated; c != nil {
		add("Area µm^2", c.Area)
		add("Length µm", c.Perimeter)
		add("Max diameter µm", c.FeretMax)
		add("Min diameter µm", c.FeretMin)
		add("Equivalent diameter µm", c.EquivalentDiameter)
	} else {
		add("Area px^2", float64(o.Area))
		add("Length px", o.Perimeter)
		add("Max diameter px", o.FeretMax)
		add("Min diameter px", o.FeretMin)
		add("Equivalent diameter px", o.EquivalentDiameter)
	}
	add("Circularity", o.Circularity)
	add("Solidity", o.Solidity)
	add("Convexity", o.Convexity)
	add("Aspect ratio", o.AspectRatio)
	add("Mean probability", o.MeanProbability)
	number := 1 // as QuPath counts; of several channels one was segmented, and measured
	if len(o.MeanIntensity) == 1 {
		number += max(0, p.Channel)
	}
	for i, mean := range o.MeanIntensity {
		channel := "Channel " + strconv.Itoa(number+i) + ": "
		add(channel+"Mean", mean)
		add(channel+"Std.Dev.", o.SDIntensity[i])
		add(channel+"Sum", o.IntegratedIntensity[i])
	}
	return b
}

// appendUUID appends an id that is always the same for an object: version 5 of RFC 9562, named by its job and number.
func appendUUID(b []byte, job string, object int) []byte {
	name := strconv.AppendInt(append(make([]byte, 0, 64), "seghub/"+job+"/"...), int64(object), 10)
	sum := sha1.Sum(name)
	sum[6] = sum[6]&0x0f | 0x50
	sum[8] = sum[8]&0x3f | 0x80
	for i, end := range []int{4, 6, 8, 10, 16} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, sum[[]int{0, 4, 6, 8, 10}[i]:end])
	}
	return b
}
