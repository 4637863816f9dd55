package sessions

import (
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"
)

// TestAModelThatAnotherNodeLacks has one node run a model that the other does not have: it is not offered, and the other does not help with it, until
// that has it or runs nothing any more.
func TestAModelThatAnotherNodeLacks(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		config := testConfig(client)
		config.Slots, config.Borrow = 1, always
		unet, cell := Model{"unet", "sum1"}, Model{"cell", "sum2"}
		config.Models = func() []Model { return []Model{unet, cell} }
		one, clock := joined(t, config)
		theirs, open := []Model{cell}, true
		config.Node, config.Now = "two", clock.Now
		config.Models = func() []Model { return slices.Clone(theirs) }
		config.Open = func(int) bool { return open }
		two := newService(t, config)
		lacked := func(want string) {
			t.Helper()
			must(t, one.catchUp(t.Context()))
			if got, _ := one.LackedBy(unet.ID); got != want {
				t.Errorf("unet is lacked by %q, want %q", got, want)
			}
			if got, ok := one.LackedBy(cell.ID); ok {
				t.Errorf("cell, which both have, is lacked by %q", got)
			}
		}
		renew := func() {
			t.Helper()
			_, err := two.renew(t.Context())
			must(t, err)
		}
		ada := create(t, one)
		submit(t, one, ada, 8)
		lacked("")
		must(t, two.join(t.Context(), true))
		lacked("two")
		if got := claimNow(t, two, 0); len(got.Jobs) > 0 {
			t.Errorf("it helps with a model that it does not have: %+v", got)
		}
		if got := claimNow(t, one, 0); len(got.Jobs) != 1 {
			t.Fatalf("the owner's worker took %+v", got)
		}

		open = false // it runs nothing, whatever it has
		renew()
		lacked("")
		open = true
		renew()
		lacked("two")

		theirs = []Model{{"unet", "sum3"}, cell} // one of them has been updated
		renew()
		lacked("")
		if got, ok := one.elsewhere(unet); !ok || got != (otherwise{node: "two"}) {
			t.Errorf("unet is otherwise at %+v", got)
		}
		theirs = []Model{unet, cell}
		renew()
		lacked("")
		if got, ok := one.elsewhere(unet); ok {
			t.Errorf("unet, of which both have one file, is otherwise at %+v", got)
		}
		if got := claimNow(t, two, 0); len(got.Jobs) != 1 {
			t.Errorf("it has the model now, and took %+v", got)
		}
		theirs = nil // as of a version that does not say
		renew()
		lacked("")
		theirs = []Model{cell}
		renew()
		lacked("two")
		must(t, two.leave(t.Context(), ""))
		lacked("")
	})
}
