package bench

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"testing"

	"github.com/alecthomas/kong"
	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestMain runs the tests, or, where Run has started this program as a part, that.
func TestMain(m *testing.M) {
	side = 256
	if len(os.Args) > 1 && os.Args[1] == "bench-part" {
		var part Part
		parser, err := kong.New(&part)
		if err == nil {
			_, err = parser.Parse(os.Args[2:])
		}
		if err == nil {
			err = part.Run(context.Background(), os.Stdin, os.Stdout, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}
