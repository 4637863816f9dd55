package server

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestASessionOfThousandsIsNotGoneThroughForEachFile has measuring take a second.
func TestASessionOfThousandsIsNotGoneThroughForEachFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		held, measured := int64(100), 0
		s := newSizes(func(context.Context, string) (int64, error) {
			<-time.After(time.Second)
			measured++
			return held, nil
		})
		want := func(more, bytes int64, times int) {
			t.Helper()
			if got, err := s.with(t.Context(), "s", more, 1000); err != nil || got != bytes || measured != times {
				t.Errorf("%d bytes, %v, measured %d times; want %d, %d times", got, err, measured, bytes, times)
			}
		}
		for n := range int64(50) {
			want(10, 110+10*n, 1)
		}
		want(500, 600, 2) // as it seems, that is too much
		want(901, 1001, 3)
		want(400, 500, 3)
		<-time.After(worth*time.Second + 1)
		want(0, 100, 4)
	})
}
