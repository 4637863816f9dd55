package models

import (
	"encoding/json"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
)

// Graph is what the graph of an ONNX file takes and gives.
type Graph struct {
	Inputs, Outputs []Port
}

// Port is an input or output of a graph.
type Port struct {
	Name string
	Dims []int64 // -1 where the graph leaves one open; nil when it says nothing of them
}

// ReadGraph reads what the graph of the ONNX file in r, size bytes long, takes and gives; the file needs no spec. The error
// wraps ErrInvalid when the file is no whole ONNX, or has weights in other files.
func ReadGraph(r io.ReaderAt, size int64) (Graph, error) {
	file := message{r, 0, size}
	m, err := readONNX(r, size)
	if err == nil {
		err = file.checkWhole(modelMessage, 0)
	}
	if err == nil && len(m.inputs) == 0 {
		err = errWire
	}
	return Graph{Inputs: ports(m.inputs), Outputs: ports(m.outputs)}, err
}

func ports(values []value) []Port {
	list := make([]Port, len(values))
	for i, v := range values {
		list[i] = Port{Name: v.name, Dims: v.dims}
	}
	return list
}

// messageKind is a kind of message that may hold weights.
type messageKind int

const (
	modelMessage messageKind = iota + 1
	graphMessage
	nodeMessage
	attributeMessage
	tensorMessage
)

// parts says which fields of a message hold others that may hold weights.
var parts = map[messageKind]map[protowire.Number]messageKind{
	modelMessage:     {modelGraph: graphMessage},
	graphMessage:     {1: nodeMessage, graphInitializer: tensorMessage},
	nodeMessage:      {5: attributeMessage},
	attributeMessage: {5: tensorMessage, 6: graphMessage, 10: tensorMessage, 11: graphMessage},
}

// tensorLocation says where a tensor's content is; externalData is not in the file.
const tensorLocation, externalData = 14, 1

// maxDepth is deeper than any graph lies in another.
const maxDepth = 100

// checkWhole refuses a file whose weights, or a part of them, lie in another one.
func (m message) checkWhole(kind messageKind, depth int) error {
	if depth > maxDepth {
		return errWire
	}
	return m.fields(func(f field) error {
		if kind == tensorMessage {
			if f.number == tensorLocation && f.varint == externalData {
				return fmt.Errorf("%w: its weights lie in a file of their own: save the model as one file", ErrInvalid)
			}
			return nil
		}
		if part := parts[kind][f.number]; part != 0 {
			return f.message.checkWhole(part, depth+1)
		}
		return nil
	})
}

// WriteSpec copies the ONNX file in r, size bytes long, to w, with spec in its metadata in place of the one that it may have.
// Whether spec is right, and the graph agrees with it, ReadSpec tells.
func WriteSpec(w io.Writer, r io.ReaderAt, size int64, spec Spec) error {
	objects := spec.Objects()
	text, err := json.Marshal(specFile{
		Format: specFormat, ID: spec.ID, Title: spec.Title, Description: spec.Description, Input: spec.Input,
		Outputs: outputsOf[objects], Objects: objects, Codec: spec.Codec, Threshold: spec.Threshold, MinArea: spec.MinArea, Split: spec.Split,
		Diameter: spec.Diameter, Precision: spec.Precision, Batch: spec.Batch, TrainingData: spec.TrainedOn, Scores: spec.Scores,
	})
	if err != nil {
		return fmt.Errorf("write the spec: %w", err)
	}
	file := message{r, 0, size}
	for at := int64(0); at < size; {
		f, next, err := file.next(at)
		if err != nil {
			return fmt.Errorf("write the spec: %w", err)
		}
		isSpec := false
		if f.number == modelMetadata {
			entry := onnxModel{metadata: map[string]string{}}
			if err := entry.readMetadata(f); err != nil {
				return fmt.Errorf("write the spec: %w", err)
			}
			_, isSpec = entry.metadata[specKey]
		}
		if !isSpec {
			if _, err := io.Copy(w, io.NewSectionReader(r, at, next-at)); err != nil {
				return fmt.Errorf("write the spec: %w", err)
			}
		}
		at = next
	}
	// A message of which another one's bytes follow is both, one after the other.
	entry := protowire.AppendString(protowire.AppendTag(nil, entryKey, protowire.BytesType), specKey)
	entry = protowire.AppendBytes(protowire.AppendTag(entry, entryValue, protowire.BytesType), text)
	if _, err := w.Write(protowire.AppendBytes(protowire.AppendTag(nil, modelMetadata, protowire.BytesType), entry)); err != nil {
		return fmt.Errorf("write the spec: %w", err)
	}
	return nil
}
