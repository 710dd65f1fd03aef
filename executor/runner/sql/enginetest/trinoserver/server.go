// Package trinoserver starts a Trino for tests: over HTTP for logins without a password,
// over TLS for one that has one.
package trinoserver

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor/runner/sql/enginetest"
)

// Variables that name the directory of the server, with its lib and plugin, and a Java of
// version 24 or newer.
const (
	Variable     = "TAGEXEC_TEST_TRINO"
	JavaVariable = "TAGEXEC_TEST_JAVA"
)

// User is the login of the source, and Password its password where it needs one.
const (
	User     = "etl_login"
	Password = "w0nderland-9"
	// hash is bcrypt of Password.
	hash = "$2y$10$abcdefghijklmnopqrstuuhLhDkwReUkMOgORq9Cksi063cQjIVw."
)

const startTime = 2 * time.Minute

// Server is a Trino of one node with the catalogs memory and tpch. It ends with the test,
// and its tables with a restart.
type Server struct {
	enginetest.Server
	address, secure string
	certificate     string // its own authority, in PEM
}

// Start starts a server.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{address: enginetest.FreeAddress(t), secure: enginetest.FreeAddress(t)}
	s.Server = enginetest.Server{Dir: t.TempDir(), Within: startTime, Command: s.command(t), Ready: s.ready}
	s.configure(t)
	s.Start(t)
	return s
}

// URL is that of a source, without a password.
func (s *Server) URL() string { return fmt.Sprintf("trino://%s@%s/memory/default", User, s.address) }

// SecureURL is that of a source over TLS, with a password.
func (s *Server) SecureURL(password string) string {
	return fmt.Sprintf("trino+https://%s:%s@%s/memory/default?tls_ca=%s", User, password, s.secure, s.certificate)
}

// command returns what makes the command, without the launcher of Trino.
func (s *Server) command(t testing.TB) func() *exec.Cmd {
	t.Helper()
	home := os.Getenv(Variable)
	if home == "" {
		t.Fatalf("there is no Trino: set %s to the directory of its server, as .ci/engines does", Variable)
	}
	return func() *exec.Cmd {
		return exec.Command(cmp.Or(os.Getenv(JavaVariable), "java"), "-cp", filepath.Join(home, "lib", "*"), "-Xmx1G", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
			"--add-modules=jdk.incubator.vector", "-Djdk.attach.allowAttachSelf=true",
			"-Dnode.environment=test", "-Dnode.data-dir="+s.Dir, "-Dconfig="+filepath.Join(s.Dir, "config.properties"),
			"-Dplugin.dir="+filepath.Join(home, "plugin"), "io.trino.server.TrinoServer")
	}
}

// ready finds out whether the server has started and has a worker, itself.
func (s *Server) ready() error {
	answer, err := enginetest.Client.Get("http://" + s.address + "/v1/info")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text := make([]byte, 4<<10)
	n, _ := answer.Body.Read(text)
	if !strings.Contains(string(text[:n]), `"starting":false`) {
		return errors.New("it is starting")
	}
	_, err = s.query("SELECT count(*) FROM tpch.tiny.nation")
	return err
}
