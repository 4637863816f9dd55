package models

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDefaultBatchesAreThoseOfTheReplacedService(t *testing.T) {
	for _, c := range []struct {
		model       string
		slots, want int
	}{
		{"hrnet", 1, 8}, {"hrnet", 2, 6}, {"hrnet", 4, 6}, {"hrnet", 8, 6},
		{"cbam_resunet", 1, 2}, {"cbam_resunet", 4, 4},
		{"unet_spherohq", 1, 4}, {"unet_spherohq", 4, 1},
	} {
		if got := DefaultBatches().N(Spec{ID: c.model}, c.slots); got != c.want {
			t.Errorf("%s on %d slots: %d rows a run, want %d", c.model, c.slots, got, c.want)
		}
	}
}

func TestAModelThatTheTableDoesNotKnowHasItsOwnBatch(t *testing.T) {
	model := Spec{ID: "mine", Batch: Batch{Alone: 5, Shared: 3, Max: 4}}
	for slots, want := range map[int]int{1: 4, 2: 3, 4: 3} {
		if got := DefaultBatches().N(model, slots); got != want {
			t.Errorf("on %d slots: %d rows a run, want %d", slots, got, want)
		}
	}
	if got := (BatchTable{}).N(Spec{ID: "none"}, 4); got != 1 {
		t.Errorf("a model without a batch has %d rows a run", got)
	}
}

func TestATableIsReadAsItWasWritten(t *testing.T) {
	folder := t.TempDir()
	table := BatchTable{Device: "a card", Models: map[string][]BatchRow{
		"m": {{ConcurrentUsers: 2, Optimal: 3, MaxSafe: 4, WeightsBytes: 5, RunBytes: 6}},
	}}
	if err := table.Write(folder); err != nil {
		t.Fatal(err)
	}
	got, err := ReadBatches(folder, "a card")
	if err != nil {
		t.Fatal(err)
	}
	if row, known := got.Row("m", 2); !known || row != table.Models["m"][0] {
		t.Errorf("read %+v", got)
	}
	files, err := os.ReadDir(folder)
	if err != nil || len(files) != 1 {
		t.Errorf("the folder has %v (%v)", files, err)
	}
}

func TestATableOfAnotherDeviceIsNotUsed(t *testing.T) {
	folder := t.TempDir()
	if _, err := ReadBatches(folder, "mine"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: %v", err)
	}
	if err := (BatchTable{Device: "another"}).Write(folder); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadBatches(folder, "mine"); !errors.Is(err, ErrOtherDevice) {
		t.Errorf("of another device: %v", err)
	}
}

func TestTheTableToWorkWith(t *testing.T) {
	hrnet := Spec{ID: "hrnet", Batch: Batch{Alone: 5, Shared: 5, Max: 5}}
	folder := t.TempDir()
	for onCPU, want := range map[bool]int{true: 1, false: 6} {
		table, err := OpenBatches(folder, "mine", onCPU)
		if err != nil || table.N(hrnet, 4) != want {
			t.Errorf("without a file, on the CPU %t: %d rows, %v", onCPU, table.N(hrnet, 4), err)
		}
	}
	measured := BatchTable{Device: "mine", Models: map[string][]BatchRow{"hrnet": {{ConcurrentUsers: 4, Optimal: 3, MaxSafe: 3}}}}
	if err := measured.Write(folder); err != nil {
		t.Fatal(err)
	}
	for onCPU, others := range map[bool]int{true: 1, false: 5} {
		table, err := OpenBatches(folder, "mine", onCPU)
		if err != nil || table.N(hrnet, 4) != 3 {
			t.Errorf("measured here, on the CPU %t: %d rows, %v", onCPU, table.N(hrnet, 4), err)
		}
		other := hrnet
		other.ID = "other"
		if got := table.N(other, 4); got != others {
			t.Errorf("a model that was not measured, on the CPU %t: %d rows, want %d", onCPU, got, others)
		}
		if table, err := OpenBatches(folder, "yours", onCPU); !errors.Is(err, ErrOtherDevice) || table.N(hrnet, 4) == 3 {
			t.Errorf("measured elsewhere, on the CPU %t: %d rows, %v", onCPU, table.N(hrnet, 4), err)
		}
	}
}

func TestWhatIsNoBatchTableIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":             "{",
		"a misspelt field":    `{"device":"d","batch_configuration":{}}`,
		"no rows":             `{"device":"d","batch_configurations":{"m":[{"concurrent_users":1,"optimal_batch_size":0,"max_safe_batch_size":1}]}}`,
		"less safe than it":   `{"device":"d","batch_configurations":{"m":[{"concurrent_users":1,"optimal_batch_size":2,"max_safe_batch_size":1}]}}`,
		"more than any has":   `{"device":"d","batch_configurations":{"m":[{"concurrent_users":1,"optimal_batch_size":2,"max_safe_batch_size":9999}]}}`,
		"for nobody":          `{"device":"d","batch_configurations":{"m":[{"optimal_batch_size":1,"max_safe_batch_size":1}]}}`,
		"one row, not a list": `{"device":"d","batch_configurations":{"m":{"optimal_batch_size":1,"max_safe_batch_size":1,"concurrent_users":4}}}`,
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			folder := t.TempDir()
			if err := os.WriteFile(filepath.Join(folder, BatchFile), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := ReadBatches(folder, "d"); !errors.Is(err, ErrInvalid) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestATableIsWrittenWholeOrNotAtAll(t *testing.T) {
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, BatchFile), 0o750); err != nil { // nothing can be renamed over a folder
		t.Fatal(err)
	}
	if err := DefaultBatches().Write(folder); err == nil {
		t.Error("a table was written over a folder")
	}
	files, err := os.ReadDir(folder)
	if err != nil || len(files) != 1 {
		t.Errorf("an unfinished file is left: %v (%v)", files, err)
	}
}
