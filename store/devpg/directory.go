package devpg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	temporaryName = "tagexec-postgres-" // and a random number
	lockName      = "devpg.lock"

	// orphanWait is how long Start waits for a server that is shutting down because the process which started it was killed.
	orphanWait = 2 * stopWait
)

// directory is what a server lives in, locked. doc.go tells what is where.
type directory struct {
	path      string
	temporary bool
	lock      *os.File
}

// openDirectory locks a directory that is ours or empty, and makes it if need be. An empty path makes a temporary one.
func openDirectory(ctx context.Context, path string) (*directory, error) {
	if path == "" {
		removeLeftovers(os.TempDir())
		return makeTemporary(os.TempDir())
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, err
	}
	empty, err := emptyOrOurs(path)
	if err != nil {
		return nil, err
	}
	if empty {
		if err := letThrough(path); err != nil {
			return nil, err
		}
	}
	lock, err := lockKept(ctx, path)
	if err != nil {
		return nil, err
	}
	return &directory{path: path, lock: lock}, nil
}

// letThrough lets the server's user pass through a directory of root's.
func letThrough(path string) error {
	info, err := os.Stat(path)
	if err != nil || os.Geteuid() != 0 {
		return err
	}
	return os.Chmod(path, info.Mode().Perm()|0o111)
}

// emptyOrOurs fails on a directory that holds anything else than a lock file of ours shows.
func emptyOrOurs(path string) (empty bool, err error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return false, err
	}
	empty = true
	for _, e := range entries {
		switch e.Name() {
		case lockName:
			return false, nil
		case "lost+found": // the root of a file system is as good as empty
		default:
			empty = false
		}
	}
	if !empty {
		return false, fmt.Errorf("%s is neither empty nor a data directory of tagexec (there is no %s in it): choose another one", path, lockName)
	}
	return true, nil
}

func makeTemporary(base string) (*directory, error) {
	for {
		path, err := os.MkdirTemp(base, temporaryName)
		if err != nil {
			return nil, err
		}
		lock, err := tryLock(filepath.Join(path, lockName), os.O_CREATE)
		if errors.Is(err, errLocked) {
			continue // removeLeftovers of another process was between us and the lock, and removes it
		}
		d := &directory{path: path, temporary: true, lock: lock}
		if err == nil {
			err = letThrough(path)
		}
		if err != nil {
			return nil, errors.Join(err, d.release())
		}
		return d, nil
	}
}

// removeLeftovers removes temporary directories of ours whose lock is free: what used them was killed. What cannot be removed
// stays; it is not what the caller asked for.
func removeLeftovers(base string) {
	paths, _ := filepath.Glob(filepath.Join(base, temporaryName+"*")) // fails only for a bad pattern
	for _, path := range paths {
		info, err := os.Lstat(path)
		if err != nil || !info.IsDir() || info.Sys().(*syscall.Stat_t).Uid != uint32(os.Geteuid()) {
			continue
		}
		lock, err := tryLock(filepath.Join(path, lockName), 0)
		if err != nil {
			continue
		}
		_ = os.RemoveAll(path)
		_ = lock.Close()
	}
}

// lockKept fails if another server lives in the directory. One that is just shutting down, because its parent was killed,
// is waited for, and so is one that has no process: its lock may be held for a moment by a
// program that its parent was just starting when it let go.
func lockKept(ctx context.Context, path string) (lock *os.File, err error) {
	file, end := filepath.Join(path, lockName), time.Now().Add(orphanWait)
	err = poll(ctx, func() (bool, error) {
		lock, err = tryLock(file, os.O_CREATE)
		if !errors.Is(err, errLocked) {
			return true, err
		}
		holder := readNumber(file)
		server, _ := (&directory{path: path}).readPidFile()
		if alive(holder) && server != 0 || time.Now().After(end) {
			return false, fmt.Errorf("%s is in use by a live server: process %d (started by process %d)", path, server, holder)
		}
		return false, nil
	})
	return lock, err
}

// release gives the directory back; what would be of no use to a later Start is removed.
func (d *directory) release() error {
	var err error
	switch {
	case d.temporary:
		err = os.RemoveAll(d.path)
	case !d.initialised():
		for _, leftover := range []string{d.data() + ".new", d.passwordFile(), filepath.Join(d.path, lockName)} {
			err = errors.Join(err, os.RemoveAll(leftover))
		}
	}
	if d.lock != nil {
		err = errors.Join(err, d.lock.Close())
	}
	return err
}

func (d *directory) data() string         { return filepath.Join(d.path, "data") }
func (d *directory) logFile() string      { return filepath.Join(d.path, "postgres.log") }
func (d *directory) passwordFile() string { return filepath.Join(d.path, "password") }
func (d *directory) portFile() string     { return filepath.Join(d.path, "port") }
func (d *directory) pidFile() string      { return filepath.Join(d.data(), "postmaster.pid") }

func (d *directory) initialised() bool {
	_, err := os.Lstat(d.data())
	return !errors.Is(err, os.ErrNotExist)
}

// major is the PostgreSQL version of the data, 0 if there is none yet.
func (d *directory) major() int { return readNumber(filepath.Join(d.data(), "PG_VERSION")) }

func (d *directory) readPassword() (string, error) {
	b, err := os.ReadFile(d.passwordFile())
	return strings.TrimSpace(string(b)), err
}

func (d *directory) readPort() int { return readNumber(d.portFile()) }

func (d *directory) writePort(port int, a account) error {
	return writeOwned(d.portFile(), strconv.Itoa(port), a)
}

// readPidFile tells which process the server says it is, 0 if none, and whether it accepts connections. The lines of the file are
// numbered in PostgreSQL's pidfile.h.
func (d *directory) readPidFile() (pid int, ready bool) {
	b, err := os.ReadFile(d.pidFile())
	if err != nil {
		return 0, false
	}
	lines := strings.Split(string(b), "\n")
	pid, _ = strconv.Atoi(lines[0])
	return pid, len(lines) > 7 && strings.TrimSpace(lines[7]) == "ready"
}

// removeStalePidFile helps PostgreSQL, which copes with the pid file of a server that is gone, but not if its process id was given to
// another process of the same user: usual in containers, where ids are small. A server's working directory is its data.
// Where there is no /proc, PostgreSQL decides alone.
func (d *directory) removeStalePidFile() error {
	pid, _ := d.readPidFile()
	if pid == 0 {
		return nil
	}
	works, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
	if err != nil {
		return nil
	}
	data, err := filepath.EvalSymlinks(d.data())
	if err != nil || works == data {
		return err
	}
	return os.Remove(d.pidFile())
}

// readNumber reads a file of one line with a number, 0 if there is none.
func readNumber(path string) int {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return n
}
