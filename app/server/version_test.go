package server

import (
	"regexp"
	"testing"
)

// TestABuildOutsideOfARepositoryHasAName is of this program: tests are built without the repository's stamp.
func TestABuildOutsideOfARepositoryHasAName(t *testing.T) {
	if version := Version(); !regexp.MustCompile(`^build [0-9a-f]{12}$`).MatchString(version) {
		t.Errorf("it is called %q", version)
	}
}
