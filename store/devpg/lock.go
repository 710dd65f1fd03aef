package devpg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
)

// errLocked: another process holds the lock, or has just removed the file.
var errLocked = errors.New("locked by another process")

// tryLock locks a file and writes our process id to it. The lock ends when the file is closed here and in every child that was
// given it.
func tryLock(path string, flag int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW|flag, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lockOpen(f, path); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

func lockOpen(f *os.File, path string) error {
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return errLocked
		}
		return fmt.Errorf("lock %s: %w", path, err)
	}
	locked, err := f.Stat()
	if err != nil {
		return err
	}
	if now, err := os.Lstat(path); err != nil || !os.SameFile(locked, now) {
		return errLocked
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, os.Getpid())
	return err
}

// waitLock locks a file, however long others hold it.
func waitLock(ctx context.Context, path string) (lock *os.File, err error) {
	err = poll(ctx, func() (bool, error) {
		lock, err = tryLock(path, os.O_CREATE)
		if errors.Is(err, errLocked) {
			return false, nil
		}
		return true, err
	})
	return lock, err
}

// alive reports whether there is such a process.
func alive(pid int) bool {
	return pid > 0 && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}
