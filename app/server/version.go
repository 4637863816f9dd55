package server

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync"
)

// Version names the build that runs, for receipts and operators: the commit that it was built from, the module's version, or where neither is
// known, as in a container image, to which the repository does not come, the digest of the program.
var Version = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return digest()
	}
	commit, modified := "", ""
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision":
			commit = setting.Value
		case setting.Key == "vcs.modified" && setting.Value == "true":
			modified = " with changes"
		}
	}
	switch {
	case commit != "":
		return commit[:min(12, len(commit))] + modified
	case info.Main.Version != "" && info.Main.Version != "(devel)":
		return info.Main.Version
	}
	return digest()
})

// digest names a program by what it is.
func digest() string {
	const unknown = "unknown"
	path, err := os.Executable()
	if err != nil {
		return unknown
	}
	program, err := os.Open(path)
	if err != nil {
		return unknown
	}
	defer program.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, program); err != nil {
		return unknown
	}
	return fmt.Sprintf("build %x", hash.Sum(nil)[:6])
}
