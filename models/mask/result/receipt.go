package result

import (
	"time"

	"seghub/models/mask"
	"seghub/models/mask/correct"
)

// Receipt is what made a Result, enough to make it again.
type Receipt struct {
	ID       string       `json:"id"` // of this job at this revision, as rows of a table name it
	Job      string       `json:"job"`
	Revision int          `json:"revision"`
	Image    Source       `json:"image"`
	Model    Model        `json:"model"`
	Scale    *Scale       `json:"scale,omitempty"` // nil of a model that takes objects of any size as they are
	Options  mask.Options `json:"options"`         // each as it was applied, the model's own where nobody chose
	Labels   Labels       `json:"labels"`          // that came of it
	Hub      string       `json:"hub"`             // version of SegHub
	Runtime  string       `json:"onnx_runtime"`
	Device   string       `json:"device"` // that the model ran on
	Times    Times        `json:"times"`
	Edits    []Edit       `json:"edits"` // in their order; never null
	// Calibration is why the image's pixel size is another than that of its upload; nil when nobody has said anything since.
	Calibration *Calibration `json:"calibration,omitempty"`
}

// Source is the file, and what of it was segmented.
type Source struct {
	ID         string   `json:"id"`
	Filename   string   `json:"filename"`
	SHA256     string   `json:"sha256"` // of the file as it was uploaded, in hex
	Width      int      `json:"width"`
	Height     int      `json:"height"`
	Page       int      `json:"page"`    // from 0
	Channel    string   `json:"channel"` // its number, from 0
	Z          int      `json:"z"`       // from 0, as T
	T          int      `json:"t"`
	Projection string   `json:"projection"` // "none", or "max"
	PixelSize  *float64 `json:"pixel_size"` // micrometres; nil when it is not known
}

// Model is the file that made the probability map.
type Model struct {
	ID        string `json:"id"`
	Version   string `json:"version"`
	SHA256    string `json:"sha256"` // of the file, in hex
	Precision string `json:"precision"`
}

// Scale is how the image was brought to the size of objects that the model knows.
type Scale struct {
	Asked    *float64 `json:"asked"`    // diameter of the objects that somebody has said, in pixels of the image; nil when nobody has
	Diameter *float64 `json:"diameter"` // that was gone by, said or found; nil where too few objects were found
	Factor   float64  `json:"factor"`   // of the image's sides; 1 for not at all
}

// Labels is by what a label map is known again.
type Labels struct {
	Form   int    `json:"form"`   // of what is digested: mask.DigestForm; 0 in receipts of hubs that wrote none
	SHA256 string `json:"sha256"` // its mask.Digest
}

// Times are those of the job.
type Times struct {
	Created  time.Time `json:"created"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
}

// Calibration is the last that was said of the size of an image's pixels.
type Calibration struct {
	PixelSize *float64  `json:"pixel_size"` // micrometres; nil is as the upload had it
	At        time.Time `json:"at"`
	Session   string    `json:"session"` // the name of the session that said it
}

// Edit is one revision after the first.
type Edit struct {
	Revision   int                 `json:"revision"`
	At         time.Time           `json:"at"`
	Session    string              `json:"session"`           // the name of the session that made it
	Operations []correct.Operation `json:"operations"`        // empty when Options is set
	Options    *mask.Options       `json:"options,omitempty"` // the probability map was cut anew with these
}
