package movedclock

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// The source is in a directory of its own, because a package without cgo has no C files.
//
//go:embed shim/shim.c
var shim []byte

// Clock is the clock of the servers that were started with Library.
type Clock struct {
	Library string // what they preload
	file    string // the seconds by which they are off
}

// New makes a clock that is right. Its files are in dir, which stays as long as the
// servers do. They run as another user where we are root, and must get there.
func New(ctx context.Context, dir string) (*Clock, error) {
	if runtime.GOOS != "linux" {
		return nil, errors.New("moving the server's clock needs Linux")
	}
	compiler, err := exec.LookPath("cc")
	if err != nil {
		return nil, errors.New("moving the server's clock needs a C compiler: there is no cc in PATH")
	}
	c := &Clock{filepath.Join(dir, "clock.so"), filepath.Join(dir, "offset")}
	if err := os.WriteFile(c.file, make([]byte, 8), 0o644); err != nil {
		return nil, fmt.Errorf("make a clock that can be moved: %w", err)
	}
	build := exec.CommandContext(ctx, compiler, "-shared", "-fPIC", "-O1", fmt.Sprintf("-DOFFSET_FILE=%q", c.file), "-o", c.Library, "-x", "c", "-")
	build.Stdin = bytes.NewReader(shim)
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("make a clock that can be moved: %s: %w\n%s", compiler, err, out)
	}
	// Also under a strict umask the server's user must read them.
	if err := errors.Join(os.Chmod(c.file, 0o644), os.Chmod(c.Library, 0o755)); err != nil {
		return nil, fmt.Errorf("make a clock that can be moved: %w", err)
	}
	return c, nil
}

// Set sets the clock to a time so far from the right one, to whole seconds. The
// servers see it at once.
func (c *Clock) Set(offset time.Duration) error {
	f, err := os.OpenFile(c.file, os.O_WRONLY, 0) // written in place: it is mapped
	if err != nil {
		return fmt.Errorf("set the server's clock: %w", err)
	}
	err = binary.Write(f, binary.NativeEndian, int64(offset/time.Second))
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("set the server's clock: %w", err)
	}
	return nil
}
