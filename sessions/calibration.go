package sessions

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// Calibration is what somebody has said of an image's pixels after it was uploaded.
type Calibration struct {
	PixelSize *float64 // of a side, in µm; nil is as the upload has it
	At        time.Time
	By        string // the name that the session had then
}

// calibrationRecord is a Calibration as Redis keeps it.
type calibrationRecord struct {
	PixelSize *float64 `json:"pixel_size"`
	At        int64    `json:"at"` // Unix time in milliseconds
	By        string   `json:"session"`
}

// MarshalJSON implements json.Marshaler.
func (c Calibration) MarshalJSON() ([]byte, error) {
	return json.Marshal(calibrationRecord{c.PixelSize, c.At.UnixMilli(), c.By})
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *Calibration) UnmarshalJSON(data []byte) error {
	var r calibrationRecord
	if err := json.Unmarshal(data, &r); err != nil {
		return err
	}
	*c = Calibration{r.PixelSize, time.UnixMilli(r.At).UTC(), r.By}
	return nil
}

// calibrated sets what a job has of its image's calibration.
func (r record) calibrated(job *Job) error {
	if r["calibration"] != "" {
		job.Calibration = new(Calibration)
		if err := json.Unmarshal([]byte(r["calibration"]), job.Calibration); err != nil {
			return fmt.Errorf("calibration: %w", err)
		}
	}
	job.recalibrate()
	return nil
}

func (j *Job) recalibrate() {
	if j.Calibration != nil && j.Calibration.PixelSize != nil {
		j.PixelSize = j.Calibration.PixelSize
	}
}

// calibrateChunk is how many jobs of an image one script tells.
const calibrateChunk = 100

// Calibrate says how large an image's pixels are, in µm, for all of its jobs, whatever their states; nil leaves that to the upload again.
func (s *Service) Calibrate(ctx context.Context, id, image string, size *float64) error {
	said := "null"
	if size != nil {
		said = strconv.FormatFloat(*size, 'g', -1, 64)
	}
	for after := ""; ; {
		answer, err := s.demand(ctx, calibrateScript, id, image, said, after, calibrateChunk)
		if err != nil {
			return err
		}
		if after = text(answer[0]); after == "" {
			return nil
		}
	}
}
