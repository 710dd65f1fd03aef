package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// errOthersWrite: somebody else may change a file that is trusted.
var errOthersWrite = errors.New("others may change it")

// onlyOurs returns an error unless only root and this user may change what path
// leads to: the thing itself and every directory above it, as it is spelled
// and as links lead to it. A group that may write is none of ours, except the
// user's own (of a user who is not root), as umask 002 makes it. In a directory
// with the sticky bit others cannot exchange what is ours. What is mounted
// read-only is as who mounted it wants it.
func onlyOurs(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	for _, end := range []string{path, real} {
		for _, p := range andAbove(end) {
			info, err := os.Stat(p)
			if err != nil {
				return err
			}
			if weakness := weaknessOf(info, p != end); weakness != "" && !readOnlyMount(p) {
				return fmt.Errorf("%w: %s %s", errOthersWrite, p, weakness)
			}
		}
	}
	return nil
}

// andAbove returns a path and the directories above it.
func andAbove(path string) []string {
	list := []string{path}
	for dir := filepath.Dir(path); dir != list[len(list)-1]; dir = filepath.Dir(dir) {
		list = append(list, dir)
	}
	return list
}

// weaknessOf says how somebody else may change a file or directory, "" if
// nobody may.
func weaknessOf(info fs.FileInfo, above bool) string {
	mode := info.Mode()
	by := info.Sys().(*syscall.Stat_t)
	switch {
	case by.Uid != 0 && int(by.Uid) != os.Geteuid():
		return fmt.Sprintf("belongs to user %d; it must be root's or this user's (%d)", by.Uid, os.Geteuid())
	case above && mode&fs.ModeSticky != 0:
		return ""
	case mode.Perm()&0o002 != 0:
		return fmt.Sprintf("may be written by anybody (mode %04o): chmod o-w it", mode.Perm())
	case mode.Perm()&0o020 != 0 && (os.Geteuid() == 0 || int(by.Gid) != os.Getegid()):
		return fmt.Sprintf("may be written by group %d (mode %04o): chmod g-w it", by.Gid, mode.Perm())
	}
	return ""
}

// ownedByUs reports whether a file belongs to this user.
func ownedByUs(info fs.FileInfo) bool {
	return int(info.Sys().(*syscall.Stat_t).Uid) == os.Geteuid()
}
