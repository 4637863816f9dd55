package redisserver

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
)

// maxSocketPath is what fits into sockaddr_un on every system that we know: 104 bytes on macOS and the BSDs, 108 on
// Linux, both with a final zero byte.
const maxSocketPath = 103

// socketPath gives where the child of folder listens: in the folder itself, or, where that name is too long, in a
// folder of the same user's under the system's temporary one. It is the same at each start.
func socketPath(folder string) (string, error) {
	path := filepath.Join(folder, "redis.sock")
	if len(path) <= maxSocketPath {
		return path, nil
	}
	sum := sha256.Sum256([]byte(folder))
	short := filepath.Join(os.TempDir(), "seghub-"+hex.EncodeToString(sum[:8]))
	if err := os.Mkdir(short, 0o700); err != nil && !os.IsExist(err) {
		return "", err
	}
	if err := ownedAlone(short); err != nil {
		return "", err
	}
	if path = filepath.Join(short, "redis.sock"); len(path) > maxSocketPath {
		return "", fmt.Errorf("the name of a socket in %s is too long; choose a data folder with a shorter name", short)
	}
	return path, nil
}
