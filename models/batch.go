package models

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// BatchFile is the name of the batch table of a machine, in its models folder. `seghub tune` writes it.
const BatchFile = "batch_sizes.json"

// ErrOtherDevice says that a batch table was measured on another device than the one it was to be used on.
var ErrOtherDevice = errors.New("the batch table was measured on another device")

// defaultBatches are the numbers of the replaced service for its three models, on an RTX A5000 of 24 GB: alone as it
// measured them, of four as its plan gives them.
//
//go:embed batch_sizes.json
var defaultBatches []byte

// BatchTable says how many rows one run of each model has, by how many sessions may be active at once. Its zero value
// knows no model.
type BatchTable struct {
	// Device is what the numbers were measured on, as whoever measured them writes it; empty for defaults.
	Device string `json:"device,omitempty"`
	// Fallback is the rows of a model that the table does not know; 0 for the batch of its own file.
	Fallback int `json:"-"`
	// Models has the rows of each model, by its id.
	Models map[string][]BatchRow `json:"batch_configurations"`
}

// BatchRow is the batch of one model while so many sessions may be active.
type BatchRow struct {
	ConcurrentUsers int `json:"concurrent_users"`
	Optimal         int `json:"optimal_batch_size"`  // rows a run
	MaxSafe         int `json:"max_safe_batch_size"` // most rows a run that fit into memory
	// WeightsBytes is what a session of the model takes once it is open, RunBytes what its runs of Optimal rows take beside
	// that; 0 where nobody measured it.
	WeightsBytes uint64 `json:"weights_bytes,omitempty"`
	RunBytes     uint64 `json:"run_bytes,omitempty"`
}

// DefaultBatches is the table of a GPU that nobody has measured yet.
func DefaultBatches() BatchTable {
	table, err := parseBatches(defaultBatches)
	if err != nil {
		panic(err) // it is part of the program
	}
	return table
}

// OpenBatches is the table to work with on device: what was measured on it, else the defaults. On the CPU, where the rows of a run share
// nothing and only delay the first of them, they are one row for every model. The error says why a table that is there is not used.
func OpenBatches(folder, device string, onCPU bool) (BatchTable, error) {
	table, err := ReadBatches(folder, device)
	if err != nil && !onCPU {
		table = DefaultBatches()
	}
	if onCPU {
		table.Fallback = 1
	}
	return table, ignoreAbsent(err)
}

// ReadBatches reads the table that was measured on device from the models folder. The error wraps fs.ErrNotExist when there is none,
// ErrOtherDevice when it is another device's, and ErrInvalid when it is no table.
func ReadBatches(folder, device string) (BatchTable, error) {
	path := filepath.Join(folder, BatchFile)
	data, err := os.ReadFile(path)
	if err != nil {
		return BatchTable{}, fmt.Errorf("batch table: %w", err)
	}
	table, err := parseBatches(data)
	switch {
	case err != nil:
		return BatchTable{}, fmt.Errorf("batch table %s: %w", path, err)
	case table.Device != device:
		return BatchTable{}, fmt.Errorf("batch table %s: %w: %q instead of %q", path, ErrOtherDevice, table.Device, device)
	}
	return table, nil
}

func parseBatches(data []byte) (BatchTable, error) {
	var table BatchTable
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&table); err != nil {
		return BatchTable{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	for id, rows := range table.Models {
		for _, row := range rows {
			if row.ConcurrentUsers < 1 || row.Optimal < 1 || row.MaxSafe < row.Optimal || row.MaxSafe > maxBatch {
				return BatchTable{}, fmt.Errorf("%w: of %s: %d rows for %d users do not fit 1 to max_safe_batch_size, %d, or that is above %d",
					ErrInvalid, id, row.Optimal, row.ConcurrentUsers, row.MaxSafe, maxBatch)
			}
		}
	}
	return table, nil
}

// Write puts the table into the models folder, whole or not at all.
func (t BatchTable) Write(folder string) error {
	data, err := json.MarshalIndent(t, "", "  ")
	if err != nil {
		return fmt.Errorf("batch table: %w", err)
	}
	unfinished, err := os.CreateTemp(folder, "."+BatchFile+"-")
	if err != nil {
		return fmt.Errorf("batch table: %w", err)
	}
	_, err = unfinished.Write(append(data, '\n'))
	err = errors.Join(err, unfinished.Chmod(0o644), unfinished.Close())
	if err == nil {
		err = os.Rename(unfinished.Name(), filepath.Join(folder, BatchFile))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("batch table: %w", err), ignoreAbsent(os.Remove(unfinished.Name())))
	}
	return nil
}

func ignoreAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Row is the model's row for that many sessions: that of the fewest users that are as many at least, else that of the most;
// false when the table does not know the model.
func (t BatchTable) Row(id string, sessions int) (BatchRow, bool) {
	rows := slices.SortedFunc(slices.Values(t.Models[id]), func(a, b BatchRow) int { return a.ConcurrentUsers - b.ConcurrentUsers })
	if len(rows) == 0 {
		return BatchRow{}, false
	}
	for _, row := range rows {
		if row.ConcurrentUsers >= sessions {
			return row, true
		}
	}
	return rows[len(rows)-1], true
}

// N is how many rows one run of the model has on a node of so many slots: the one rule for it. All of them may run at once, with
// one session active too, whose work the idle workers share; so the number goes by slots, and stays the same while people
// come and go: another number would make a GPU plan every convolution anew. What the table does not know has the batch
// of its own file.
func (t BatchTable) N(model Spec, slots int) int {
	if row, known := t.Row(model.ID, slots); known {
		return row.Optimal
	}
	if t.Fallback > 0 {
		return t.Fallback
	}
	n := model.Batch.Shared
	if slots <= 1 {
		n = model.Batch.Alone
	}
	return max(1, min(n, model.Batch.Max))
}
