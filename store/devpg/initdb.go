package devpg

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
)

// initdb makes the data, beside and then renamed: half of it is never taken for all of it. It returns the superuser's password.
func (s *Server) initdb(ctx context.Context) (password string, err error) {
	s.options.Log("initialising PostgreSQL %s in %s", s.binaries.version, s.dir.path)
	half := s.dir.data() + ".new"
	if err := os.RemoveAll(half); err != nil {
		return "", err
	}
	// Made here because the account may not write to the directory above.
	if err := os.Mkdir(half, 0o700); err != nil {
		return "", err
	}
	if c := s.account.credential; c != nil {
		if err := os.Chown(half, int(c.Uid), int(c.Gid)); err != nil {
			return "", err
		}
	}
	password = rand.Text()
	if err := writeOwned(s.dir.passwordFile(), password, s.account); err != nil {
		return "", err
	}
	args := []string{
		"--pgdata", half,
		"--username", superuser,
		"--auth", "scram-sha-256",
		"--pwfile", s.dir.passwordFile(),
		"--encoding", "UTF8",
		"--locale", "C", // the only one that is on every system
		"--no-instructions",
	}
	if s.dir.temporary || s.options.Fast {
		args = append(args, "--no-sync")
	}
	var output tail
	cmd := s.account.command(s.binaries.initdb(), args...)
	cmd.Dir = s.dir.path
	cmd.Stdout, cmd.Stderr = &output, &output
	p, err := startProcess(cmd)
	if err != nil {
		return "", fmt.Errorf("run initdb: %w", err)
	}
	if err := p.wait(ctx); err != nil {
		return "", fmt.Errorf("run initdb: %w\n%s", err, output)
	}
	return password, os.Rename(half, s.dir.data())
}
