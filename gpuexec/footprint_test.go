package gpuexec

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// Whoever opens what nobody has measured does so alone, so that what grows is its own; who gives up waiting for that keeps nobody.
func TestWhatIsMeasuredIsOpenedAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLoads(true)
		over, err := l.enter(t.Context(), "unknown", false)
		if err != nil {
			t.Fatal(err)
		}
		ctx, giveUp := context.WithCancel(t.Context())
		var gaveUp, opened error
		var beside func()
		go func() { _, gaveUp = l.enter(ctx, "a", true) }()
		synctest.Wait()
		giveUp()
		synctest.Wait()
		go func() { beside, opened = l.enter(t.Context(), "a", true) }()
		synctest.Wait()
		if !errors.Is(gaveUp, context.Canceled) || beside != nil {
			t.Errorf("beside one that is measured: %v, opened %t", gaveUp, beside != nil)
		}
		over()
		synctest.Wait()
		if beside == nil {
			t.Fatalf("after it nothing is opened: %v", opened)
		}
		beside()
	})
}
