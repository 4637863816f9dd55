package main

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain looks for goroutines that are left, but for two of toxiproxy's: where a peer is killed with bytes under way to it, the half of a
// link that writes ends and nobody reads from the half that reads, which waits for ever. Nothing outside the library can end that.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2.(*ToxicLink).read"),
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"))
}
