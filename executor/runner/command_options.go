package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/tagexec/tagexec/executor/runner/words"
)

func commandsDir(dir string) (string, error) {
	if dir == "" {
		return "", errors.New("no commands directory is configured")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("commands directory: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return "", fmt.Errorf("commands directory: %w", err)
	}
	if !info.IsDir() {
		return "", fmt.Errorf("commands directory %s is not a directory", dir)
	}
	if err := onlyOurs(dir); err != nil {
		return "", fmt.Errorf("commands directory: %w", err)
	}
	return dir, checkCommands(dir)
}

// checkCommands names the commands that others may change. They are looked at
// again before each run.
func checkCommands(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("commands directory: %w", err)
	}
	defer func() { _ = root.Close() }() // read only
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return fmt.Errorf("commands directory: %w", err)
	}
	var problems []error
	for _, entry := range entries {
		if !runnable(root, entry.Name()) {
			continue
		}
		if err := onlyOurs(filepath.Join(dir, entry.Name())); err != nil {
			problems = append(problems, fmt.Errorf("command %s: %w", words.Quote(entry.Name()), err))
		}
	}
	return errors.Join(problems...)
}

// runnable reports whether a name leads to an executable file in the directory.
func runnable(root *os.Root, name string) bool {
	info, err := root.Stat(name)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

// commandUser finds the user that commands run as.
func commandUser(name string) (*syscall.Credential, error) {
	if name == "" {
		return nil, nil
	}
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("commands cannot run as user %s: only root can start them as somebody else", words.Quote(name))
	}
	found, err := user.Lookup(name)
	if err != nil {
		found, err = user.LookupId(name)
	}
	if err != nil {
		return nil, fmt.Errorf("commands cannot run as user %s: there is no such user", words.Quote(name))
	}
	uid, uidErr := strconv.ParseUint(found.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(found.Gid, 10, 32)
	if uidErr != nil || gidErr != nil || uid == 0 {
		return nil, fmt.Errorf("commands cannot run as user %s: it must be an ordinary user, not root", words.Quote(name))
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil // and no other groups
}

// secretName is what a variable is called whose value is a secret.
var secretName = regexp.MustCompile(`(?i)passw|passphrase|pwd$|secret|token(?:_|s?$)|credential|(?:api|access|private|auth)_?key|(?:_|^)pass$`)

// secretsOf returns the values of those variables whose names say that they are
// secret. Who gives a variable the name of a file of secrets keeps the path.
func secretsOf(names []string) (values []string) {
	for _, name := range names {
		if value := os.Getenv(name); secretName.MatchString(name) && !filepath.IsAbs(value) {
			values = append(values, value)
		}
	}
	return values
}

// takesOver reports whether who sets a variable decides what code a listed
// command runs: the dynamic linker, the shell, PATH.
func takesOver(name string) bool {
	for _, prefix := range []string{"LD_", "DYLD_", "TAGEXEC_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return slices.Contains([]string{"PATH", "ENV", "BASH_ENV", "IFS", "GLIBC_TUNABLES", "GCONV_PATH"}, name)
}
