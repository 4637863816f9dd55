package processes

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Program is the program that HUB_PROGRAM names, which scripts/test has just built, or else one that is built in folder.
func Program(ctx context.Context, folder string) (string, error) {
	if built := os.Getenv("HUB_PROGRAM"); built != "" {
		return built, nil
	}
	program := filepath.Join(folder, "seghub")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "seghub/app").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build a hub: %w\n%s", err, out)
	}
	return program, nil
}
