package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
)

// A signal has its exit code in every command, also while a server lets it wait.
func TestASignalEndsEveryCommandThatWaitsForAServer(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "jobs")
	if err := os.WriteFile(file, []byte(`{"tag":"a"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"serve", "run --batch b", "run --batch b --jobs " + file, "submit --batch b --jobs " + file,
		"migrate up", "migrate status", "migrate down --yes", "prune --older-than 1d", "doctor",
	} {
		t.Run(strings.ReplaceAll(line, file, "FILE"), func(t *testing.T) {
			t.Parallel()
			silent, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = silent.Close() })
			p := clitest.Launch(t, "tagexec", strings.Fields(line),
				"TAGEXEC_DATABASE_URL=postgres://u@"+silent.Addr().String()+"/d", "TAGEXEC_HTTP_ORIGINS=http://127.0.0.1")
			conn, err := silent.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			p.Signal(syscall.SIGTERM)
			if code := p.Exit(); code != 143 || p.ErrOut.String() != "tagexec: ended by SIGTERM\n" {
				t.Errorf("exit code %d, stderr %q", code, p.ErrOut.String())
			}
		})
	}
}
