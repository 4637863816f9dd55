// Package result holds what is published of a segmented page: the Result and the Receipt of the contract, as their readers
// get them. It computes nothing.
package result

import (
	"encoding/json"
	"fmt"
	"io"

	"seghub/models/mask"
)

// Result is what was found in one page, at one revision.
type Result struct {
	Job      string        `json:"job"`
	Revision int           `json:"revision"` // from 1, what the model found; each correction makes the next
	Image    Image         `json:"image"`
	Model    string        `json:"model"`
	Options  mask.Options  `json:"options"`
	Shrunk   float64       `json:"shrunk"` // how many times a model that fits images to its input shrank this one; 1 for not at all
	Summary  mask.Summary  `json:"summary"`
	Objects  []mask.Object `json:"objects"` // by id; never null. Last, so that a reader may stop before them
}

// Image is the page that a Result is of.
type Image struct {
	ID        string   `json:"id"`
	Filename  string   `json:"filename"`
	Width     int      `json:"width"`
	Height    int      `json:"height"`
	Page      int      `json:"page"`       // from 0
	PixelSize *float64 `json:"pixel_size"` // micrometres; nil when it is not known
}

// Write writes the result as JSON, object by object: those of a large image are more than is worth holding twice.
func (r Result) Write(w io.Writer) error {
	objects := r.Objects
	r.Objects = []mask.Object{}
	head, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode a result of job %s: %w", r.Job, err)
	}
	const end = "]}"
	if _, err := w.Write(head[:len(head)-len(end)]); err != nil {
		return err
	}
	separator := ""
	for i := range objects {
		object, err := json.Marshal(&objects[i])
		if err != nil {
			return fmt.Errorf("encode object %d of job %s: %w", objects[i].ID, r.Job, err)
		}
		if _, err := w.Write(append([]byte(separator), object...)); err != nil {
			return err
		}
		separator = ","
	}
	_, err = io.WriteString(w, end)
	return err
}
