package cudatest

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

//go:embed standin/*.c standin/*.h
var files embed.FS

var errNoCompiler = errors.New("the stand-in for its libraries needs cc, on Linux on x86-64")

// common holds the log and the control of all the others, which are linked to it.
const common Library = "libcudastandin.so"

// sources are the libraries and what each is made of, in the order in which they are built.
var sources = []struct {
	library Library
	file    string
}{
	{common, "standin.c"},
	{Runtime, "cudart.c"},
	{Driver, "driver.c"},
	{BLAS, "cublas.c"},
	{BLASLt, "cublaslt.c"},
	{Random, "curand.c"},
	{DNN, "cudnn.c"},
}

// The provider asks for symbols with the library's name as their version, which default-symver gives them.
var flags = []string{"-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-pthread", "-Wl,--default-symver", "-Wl,-rpath,$ORIGIN"}

// build returns the folder with the libraries, in the user's cache, and builds them unless it is there.
func build(ctx context.Context) (string, error) {
	cc, err := exec.LookPath("cc")
	if err != nil || runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return "", errNoCompiler
	}
	version, err := hash()
	if err != nil {
		return "", fmt.Errorf("build the stand-in: %w", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("build the stand-in: %w", err)
	}
	target := filepath.Join(cache, "seghub", "cuda-standin", version)
	if _, err := os.Stat(target); err == nil {
		return target, nil
	}
	if err := buildInto(ctx, cc, target); err != nil {
		return "", fmt.Errorf("build the stand-in: %w", err)
	}
	return target, nil
}

// buildInto builds beside target and renames: the tests of several packages run at a time, and each sees all of it or nothing.
func buildInto(ctx context.Context, cc, target string) (err error) {
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return err
	}
	work, err := os.MkdirTemp(filepath.Dir(target), ".build-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	folder, err := fs.Sub(files, "standin")
	if err != nil {
		return err
	}
	if err := os.CopyFS(filepath.Join(work, "src"), folder); err != nil {
		return err
	}
	libraries := filepath.Join(work, "lib")
	if err := os.Mkdir(libraries, 0o700); err != nil {
		return err
	}
	for _, source := range sources {
		arguments := append(flags[:len(flags):len(flags)], "-Wl,-soname,"+string(source.library),
			"-o", filepath.Join(libraries, string(source.library)), filepath.Join(work, "src", source.file))
		if source.library != common {
			arguments = append(arguments, filepath.Join(libraries, string(common)))
		}
		if out, err := exec.CommandContext(ctx, cc, arguments...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", source.file, err, out)
		}
	}
	if err := os.Rename(libraries, target); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil // or somebody else was first
}

// hash names what is built by all that it is made of.
func hash() (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, flags, sources)
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := files.ReadFile(path)
		if err == nil {
			fmt.Fprintf(sum, "%s %d\n%s", path, len(data), data)
		}
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)[:8]), err
}
