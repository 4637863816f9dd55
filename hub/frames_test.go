package hub

import "testing"

func TestStatsFrame(t *testing.T) {
	got, err := statsFrame(struct {
		Waiting int `json:"waiting"`
	}{3})
	if want := `{"type":"stats","waiting":3}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	for _, stats := range []any{nil, 1, "x", []int{1}, struct{}{}, func() {}} {
		if got, err := statsFrame(stats); err == nil {
			t.Errorf("%T: got %s, want an error", stats, got)
		}
	}
}
