package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Path is one way to get images segmented.
type Path string

// The paths, from the limit to the whole.
const (
	PathBare Path = "bare"
	PathLock Path = "lock"
	PathPool Path = "pool"
	PathHub  Path = "hub"
)

// Paths are all of them, in the order in which they are shown.
var Paths = []Path{PathBare, PathLock, PathPool, PathHub}

// Report is what a run has measured. docs/performance.md says what each figure means.
type Report struct {
	StartedAt time.Time `json:"started_at"`
	Device    string    `json:"device"`
	Cores     int       `json:"cores"`
	Images    int       `json:"images_a_session_and_round"`
	Rounds    int       `json:"rounds"`
	Rows      []Row     `json:"rows"`
	Alone     []Alone   `json:"one_image_at_a_time"`
	Again     Again     `json:"measure_again"`
	Hub       Hub       `json:"hub"`
	Exports   Exports   `json:"exports"`
}

// Row is one path under one load.
type Row struct {
	Model           string  `json:"model"` // or "mixed"
	Sessions        int     `json:"sessions"`
	Path            Path    `json:"path"`
	Images          int     `json:"images"`
	Seconds         float64 `json:"seconds"` // that all rounds took
	ImagesPerSecond float64 `json:"images_per_second"`
	OfBare          float64 `json:"of_bare"` // images a second, as a share of the bare loop's
	P50             float64 `json:"p50_ms"`  // from the beginning of the round until an image is done
	P95             float64 `json:"p95_ms"`
	CoreMS          float64 `json:"core_ms"`                  // processor time an image, user and system
	BesideInference float64 `json:"core_ms_beside_inference"` // the same without the bare loop's
	Mask            *Lag    `json:"inference_to_mask_ms,omitempty"`
	ResidentBytes   int64   `json:"resident_bytes"`
	DeviceBytes     int64   `json:"device_bytes"`    // of GPU memory that opening the load has taken
	Error           string  `json:"error,omitempty"` // nothing else counts where it is set
}

// Lag is the time from the end of inference to the mask, in milliseconds.
type Lag struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
}

// Alone is one user who sends the next image when the mask of the last has come, over HTTP and socket.
type Alone struct {
	Model string  `json:"model"`
	P50   float64 `json:"p50_ms"` // from sending the image to the whole mask
	P95   float64 `json:"p95_ms"`
	Mask  Lag     `json:"inference_to_mask_ms"`
	Error string  `json:"error,omitempty"` // nothing else counts where it is set
}

// Hub is what the hub takes when nobody works.
type Hub struct {
	ReadySeconds      float64 `json:"ready_seconds"` // from the start of the process to ready, every model warm
	IdleResidentBytes int64   `json:"idle_resident_bytes"`
	IdleDeviceBytes   int64   `json:"idle_device_bytes"`
	Sockets           int     `json:"idle_sockets"`
	BytesPerSocket    float64 `json:"bytes_per_idle_socket"`
	Error             string  `json:"error,omitempty"` // why there are no sockets
}

// WriteJSON writes the report as it is kept.
func (r Report) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(r); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// WriteFiles writes report.json and the plots into folder and returns the files' names.
func (r Report) WriteFiles(folder string) ([]string, error) {
	const name = "report.json"
	out, err := os.Create(filepath.Join(folder, name))
	if err != nil {
		return nil, err
	}
	if err := errors.Join(r.WriteJSON(out), out.Close()); err != nil {
		return nil, err
	}
	plots, err := r.WritePlots(folder)
	return append([]string{name}, plots...), err
}

// percentile is the smallest value that is not less than p percent of them; 0 without any.
func percentile(values []time.Duration, p int) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
