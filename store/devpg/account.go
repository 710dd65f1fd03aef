package devpg

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// account is whom initdb and the server run as.
type account struct {
	credential *syscall.Credential // nil: as ourselves
}

// serverAccount is ourselves, except for root.
func serverAccount(data string) account {
	if os.Geteuid() != 0 {
		return account{}
	}
	if info, err := os.Stat(data); err == nil {
		if s := info.Sys().(*syscall.Stat_t); s.Uid != 0 {
			return account{&syscall.Credential{Uid: s.Uid, Gid: s.Gid}}
		}
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			// 32 bits, so -2 (nobody on macOS) is what it is in the kernel.
			uid, uidErr := strconv.ParseInt(u.Uid, 10, 64)
			gid, gidErr := strconv.ParseInt(u.Gid, 10, 64)
			if uidErr == nil && gidErr == nil && uid != 0 {
				return account{&syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
			}
		}
	}
	return account{&syscall.Credential{Uid: 65534, Gid: 65534}}
}

func (a account) String() string {
	id := os.Geteuid()
	if a.credential != nil {
		id = int(a.credential.Uid)
	}
	if u, err := user.LookupId(strconv.Itoa(id)); err == nil {
		return u.Username
	}
	return "with id " + strconv.Itoa(id)
}

// command runs a PostgreSQL program. Little of our environment is passed on: it may hold secrets, and PGDATA and the like would
// change what is run.
func (a account) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = "/"
	cmd.Env = []string{"LC_ALL=C"}
	for _, name := range []string{"PATH", "LD_LIBRARY_PATH", "TZ"} {
		if value, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: a.credential}
	return cmd
}

// own gives an open file to the account.
func (a account) own(f *os.File) error {
	if a.credential == nil {
		return nil
	}
	return f.Chown(int(a.credential.Uid), int(a.credential.Gid))
}

// checkEnter finds out by trying, because of access lists and the like, whether the account can reach dir.
func (a account) checkEnter(ctx context.Context, dir string, b binaries) error {
	if a.credential == nil || a.canEnter(ctx, dir, b) {
		return nil
	}
	barrier := dir
	for i, r := range dir {
		if r == filepath.Separator && i > 0 && !a.canEnter(ctx, dir[:i], b) {
			barrier = dir[:i]
			break
		}
	}
	if ctx.Err() != nil { // then no try tells anything
		return context.Cause(ctx)
	}
	return fmt.Errorf("PostgreSQL refuses to run as root and runs as the user %s, who cannot enter %s on the way to %s: "+
		"choose a directory that every user can reach, such as /var/lib/tagexec, or run chmod o+x %[2]s", a, barrier, dir)
}

func (a account) canEnter(ctx context.Context, dir string, b binaries) bool {
	cmd := a.command(b.postgres(), "--version")
	cmd.Dir = dir
	p, err := startProcess(cmd)
	return err == nil && p.wait(ctx) == nil
}

// createOwned opens or creates a file that the account may read, and never follows a link: the directory may belong to
// a user who is less than we are.
func createOwned(path string, flag int, a account) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|syscall.O_NOFOLLOW|flag, 0o600)
	if err != nil {
		return nil, err
	}
	if err := a.own(f); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// writeOwned replaces a file that the account may read.
func writeOwned(path, content string, a account) error {
	f, err := createOwned(path, os.O_TRUNC, a)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strings.TrimSpace(content) + "\n")
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}
