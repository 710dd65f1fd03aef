package runner

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// workPrefix begins the names of our directories among temporary files.
const workPrefix = "tagexec-work-"

// workDirs makes working directories for commands, in a directory of this
// executor that it holds locked. One that is not locked was left by an
// executor that is dead. The lock also tells systemd-tmpfiles to keep off.
type workDirs struct {
	mu   sync.Mutex
	dir  string
	lock *os.File            // of the directory; nil where none can be locked
	user *syscall.Credential // whom the working directories are for; nil: us
}

// newWorkDirs removes what dead executors left behind. The directory is made
// when it is needed.
func newWorkDirs(user *syscall.Credential) *workDirs {
	removeLeftovers()
	return &workDirs{user: user}
}

func (w *workDirs) open() error {
	w.unlock()
	for {
		dir, err := os.MkdirTemp("", workPrefix)
		if err != nil {
			return err
		}
		lock, err := lockDir(dir)
		if errors.Is(err, errNotOurs) {
			continue // another executor has just found it unlocked
		}
		w.dir, w.lock = dir, lock // nil where the file system has no locks
		if w.user != nil {
			return os.Chmod(dir, 0o711) // to pass through
		}
		return nil
	}
}

// make makes a directory, empty and the user's alone.
func (w *workDirs) make() (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := os.Stat(w.dir); err != nil { // the first one, or somebody tidied up
		if err := w.open(); err != nil {
			return "", err
		}
	}
	work, err := os.MkdirTemp(w.dir, "job-")
	if err == nil && w.user != nil {
		err = os.Chown(work, int(w.user.Uid), int(w.user.Gid))
	}
	return work, err
}

func (w *workDirs) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dir != "" {
		removeWork(w.dir)
	}
	w.unlock()
}

func (w *workDirs) unlock() {
	if w.lock != nil {
		_ = w.lock.Close()
	}
}

// errNotOurs: somebody else has a directory, or has removed it.
var errNotOurs = errors.New("locked by another process, or gone")

// lockDir locks a directory until the returned file is closed.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(dir, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNotOurs
	}
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = errNotOurs
	}
	if err == nil {
		locked, _ := f.Stat()
		if now, statErr := os.Lstat(dir); statErr != nil || !os.SameFile(locked, now) {
			err = errNotOurs
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// removeLeftovers removes the directories of executors of this user that are
// dead.
func removeLeftovers() {
	entries, _ := os.ReadDir(os.TempDir())
	for _, entry := range entries {
		dir := filepath.Join(os.TempDir(), entry.Name())
		info, err := os.Lstat(dir)
		if err != nil || !strings.HasPrefix(entry.Name(), workPrefix) || !ownedByUs(info) {
			continue
		}
		if lock, err := lockDir(dir); err == nil {
			removeWork(dir)
			_ = lock.Close()
		}
	}
}

// removeWork removes a directory that commands worked in, also what they made
// read-only. What cannot be removed is only clutter.
func removeWork(dir string) {
	if os.RemoveAll(dir) == nil {
		return
	}
	_ = os.Chmod(dir, 0o700)
	root, err := os.OpenRoot(dir) // nothing outside is touched, whatever links there are
	if err != nil {
		return
	}
	_ = fs.WalkDir(root.FS(), ".", func(path string, entry fs.DirEntry, _ error) error {
		if entry != nil && entry.IsDir() {
			_ = root.Chmod(path, 0o700)
		}
		return nil
	})
	_ = root.Close()
	_ = os.RemoveAll(dir)
}
