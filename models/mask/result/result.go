// Package result holds what is published of a segmented page: the Result and the Receipt of the contract, as their readers
// get them. It computes nothing.
package result

import "seghub/models/mask"

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
