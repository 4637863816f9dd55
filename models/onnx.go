package models

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// onnxModel is the part of an ONNX file that is not weights: what the graph takes and gives, and the
// metadata.
type onnxModel struct {
	opset    int64 // version of the default operators; 0 when the file names none
	inputs   []value
	outputs  []value
	metadata map[string]string
}

// value is an input or output of a graph.
type value struct {
	name        string
	elementType uint64  // TensorProto.DataType; 0 when it is no tensor
	dims        []int64 // openDim where the graph leaves one open
}

// openDim is a dimension that has no number.
const openDim = -1

// Of TensorProto.DataType.
const floatType, uint8Type, halfType, doubleType = 1, 2, 10, 11

func (v value) String() string {
	kind := fmt.Sprintf("of element type %d", v.elementType)
	switch v.elementType {
	case floatType:
		kind = "float32"
	case uint8Type:
		kind = "uint8"
	case halfType:
		kind = "float16"
	case doubleType:
		kind = "float64"
	}
	dims := make([]string, len(v.dims))
	for i, d := range v.dims {
		dims[i] = fmt.Sprint(d)
		if d == openDim {
			dims[i] = "N"
		}
	}
	return kind + " [" + strings.Join(dims, ",") + "]"
}

// Numbers of the fields in onnx.proto that matter here.
const (
	modelGraph, modelOpsets, modelMetadata = 7, 8, 14
	graphInitializer                       = 5
	graphInput, graphOutput                = 11, 12
	tensorName                             = 8
	opsetDomain, opsetVersion              = 1, 2
	entryKey, entryValue                   = 1, 2
	valueName, valueType                   = 1, 2
	typeTensor                             = 1
	tensorElement, tensorShape             = 1, 2
	shapeDim                               = 1
	dimValue                               = 1
)

// readONNX reads the file in r, size bytes long, and skips what is not wanted without reading it. The
// error wraps ErrInvalid when the file is not whole ONNX, and is r's own otherwise.
func readONNX(r io.ReaderAt, size int64) (onnxModel, error) {
	m := onnxModel{metadata: map[string]string{}}
	err := message{r, 0, size}.fields(func(f field) error {
		switch f.number {
		case modelGraph:
			return m.readGraph(f)
		case modelOpsets:
			return m.readOpset(f)
		case modelMetadata:
			return m.readMetadata(f)
		}
		return nil
	})
	return m, err
}

func (m *onnxModel) readGraph(f field) error {
	weights := map[string]bool{}
	err := f.message.fields(func(f field) error {
		switch f.number {
		case graphInitializer:
			name, err := readName(f)
			weights[name] = true
			return err
		case graphInput:
			v, err := readValue(f)
			m.inputs = append(m.inputs, v)
			return err
		case graphOutput:
			v, err := readValue(f)
			m.outputs = append(m.outputs, v)
			return err
		}
		return nil
	})
	// Before version 4 of the format, weights had to be among the inputs, too; some exporters have kept to it.
	m.inputs = slices.DeleteFunc(m.inputs, func(v value) bool { return weights[v.name] })
	return err
}

// readName reads the name of a tensor and steps over the rest.
func readName(f field) (name string, err error) {
	err = f.message.fields(func(f field) (err error) {
		if f.number == tensorName {
			name, err = f.text()
		}
		return err
	})
	return name, err
}

func (m *onnxModel) readOpset(f field) error {
	domain, version := "", int64(0)
	err := f.message.fields(func(f field) (err error) {
		switch f.number {
		case opsetDomain:
			domain, err = f.text()
		case opsetVersion:
			version = int64(f.varint)
		}
		return err
	})
	if domain == "" || domain == "ai.onnx" {
		m.opset = version
	}
	return err
}

func (m *onnxModel) readMetadata(f field) error {
	key, text := "", ""
	err := f.message.fields(func(f field) (err error) {
		switch f.number {
		case entryKey:
			key, err = f.text()
		case entryValue:
			if key == "" || key == specKey { // other programs' entries may be of any length
				text, err = f.text()
			}
		}
		return err
	})
	m.metadata[key] = text
	return err
}

func readValue(f field) (value, error) {
	var v value
	err := f.message.fields(func(f field) (err error) {
		switch f.number {
		case valueName:
			v.name, err = f.text()
		case valueType:
			err = f.message.fields(func(f field) error {
				if f.number != typeTensor {
					return nil
				}
				return f.message.fields(v.readTensor)
			})
		}
		return err
	})
	return v, err
}

func (v *value) readTensor(f field) error {
	switch f.number {
	case tensorElement:
		v.elementType = f.varint
	case tensorShape:
		return f.message.fields(v.readDim)
	}
	return nil
}

func (v *value) readDim(f field) error {
	if f.number != shapeDim {
		return nil
	}
	dim := int64(openDim)
	err := f.message.fields(func(f field) error {
		if f.number == dimValue && f.varint <= math.MaxInt64 {
			dim = int64(f.varint)
		}
		return nil
	})
	v.dims = append(v.dims, dim)
	return err
}
