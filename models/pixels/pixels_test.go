package pixels_test

import (
	"sync"
	"testing"

	"go.uber.org/goleak"

	"seghub/models/pixels"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestNobodySharesWhatIsLent has many at once write to what they were lent, of any sizes, and look whether it stays.
func TestNobodySharesWhatIsLent(t *testing.T) {
	var people sync.WaitGroup
	for who := range 8 {
		people.Go(func() {
			for turn := range 200 {
				mine := pixels.Lend(1 + turn*37%1000)
				if want := 1 + turn*37%1000; len(mine) != want {
					t.Errorf("%d samples, want %d", len(mine), want)
				}
				for i := range mine {
					mine[i] = uint8(who)
				}
				for _, v := range mine {
					if v != uint8(who) {
						t.Errorf("what %d was lent has the samples of %d", who, v)
						return
					}
				}
				pixels.GiveBack(mine)
			}
		})
	}
	people.Wait()
	pixels.GiveBack(nil)
	if got := pixels.Lend(5); len(got) != 5 {
		t.Errorf("%d samples, want 5", len(got))
	}
}

// TestAPieceDoesNotStandInAPicturesWay gives a piece back before a picture. A pool may lose what it is given, as it does now and then on
// purpose under the race detector: half the pictures are to come again.
func TestAPieceDoesNotStandInAPicturesWay(t *testing.T) {
	const large, small, times = 1 << 20, 1 << 10, 100
	again := 0
	for range times {
		picture := pixels.Lend(large)
		pixels.GiveBack(make([]uint8, small))
		pixels.GiveBack(picture)
		next := pixels.Lend(large)
		if &next[0] == &picture[0] {
			again++
		}
		pixels.GiveBack(next)
	}
	if again < times/2 {
		t.Errorf("%d of %d pictures came again", again, times)
	}
}
