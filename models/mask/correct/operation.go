// Package correct changes a label map as a person asks for it: objects are deleted, merged, split by a line, painted and erased. The work
// is that of the objects that change, not of the picture.
package correct

// Kind is what an Operation does.
type Kind string

// The operations of the contract.
const (
	Delete Kind = "delete" // IDs
	Merge  Kind = "merge"  // IDs, that touch, into the first of them
	Split  Kind = "split"  // ID along Line
	Paint  Kind = "paint"  // ID, or nil for a new object; Polygon, or Stroke and Radius; Mode
	Revert Kind = "revert" // to Revision
)

// Mode of Paint.
type Mode string

// What Paint does with the pixels.
const (
	Add   Mode = "add"
	Erase Mode = "erase"
)

// Vertex is a place in the picture, in pixels from the upper left corner of the first; not only whole ones.
type Vertex [2]float64

// Operation is one step of an edit. Fields that its kind does not name stay empty.
type Operation struct {
	Kind     Kind     `json:"op"`
	IDs      []int    `json:"ids,omitempty"`
	ID       *int     `json:"id,omitempty"`
	Line     []Vertex `json:"line,omitempty"`
	Polygon  []Vertex `json:"polygon,omitempty"`
	Stroke   []Vertex `json:"stroke,omitempty"`
	Radius   float64  `json:"radius,omitempty"`
	Mode     Mode     `json:"mode,omitempty"`
	Revision int      `json:"revision,omitempty"`
}
