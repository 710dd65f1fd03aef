// Package trinoserver starts a Trino for tests: over HTTP for logins without a password,
// over TLS for one that has one.
package trinoserver

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
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

// Server is a Trino of one node with the catalogs memory and tpch. It ends with the test.
type Server struct {
	dir, address, secure string
	certificate          string // its own authority, in PEM
	process              *exec.Cmd
	log                  *os.File
}

// Start starts a server.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{dir: t.TempDir(), address: freeAddress(t), secure: freeAddress(t)}
	s.configure(t)
	var err error
	if s.log, err = os.Create(filepath.Join(s.dir, "log")); err != nil {
		t.Fatal(err)
	}
	s.start(t)
	t.Cleanup(func() { s.stop(); _ = s.log.Close() })
	return s
}

// Restart stops the server at once, and starts it again. The tables are gone then.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.stop()
	s.start(t)
}

// URL is that of a source, without a password.
func (s *Server) URL() string { return fmt.Sprintf("trino://%s@%s/memory/default", User, s.address) }

// SecureURL is that of a source over TLS, with a password.
func (s *Server) SecureURL(password string) string {
	return fmt.Sprintf("trino+https://%s:%s@%s/memory/default?tls_ca=%s", User, password, s.secure, s.certificate)
}

// Process is that of the server.
func (s *Server) Process() int { return s.process.Process.Pid }

func (s *Server) start(t testing.TB) {
	t.Helper()
	home := os.Getenv(Variable)
	if home == "" {
		t.Fatalf("there is no Trino: set %s to the directory of its server, as .ci/run does", Variable)
	}
	java := os.Getenv(JavaVariable)
	if java == "" {
		java = "java"
	}
	s.process = exec.Command(java, "-cp", filepath.Join(home, "lib", "*"), "-Xmx1G", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"--add-modules=jdk.incubator.vector", "-Djdk.attach.allowAttachSelf=true",
		"-Dnode.environment=test", "-Dnode.data-dir="+s.dir, "-Dconfig="+filepath.Join(s.dir, "config.properties"),
		"-Dplugin.dir="+filepath.Join(home, "plugin"), "io.trino.server.TrinoServer")
	s.process.Dir, s.process.Stdout, s.process.Stderr = s.dir, s.log, s.log
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(startTime); !s.ready(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			said, _ := os.ReadFile(s.log.Name())
			t.Fatalf("Trino does not start: %s", said[max(0, len(said)-4000):])
		}
	}
}

// ready reports whether the server has started and has a worker, itself.
func (s *Server) ready() bool {
	answer, err := http.Get("http://" + s.address + "/v1/info")
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	text := make([]byte, 4<<10)
	n, _ := answer.Body.Read(text)
	if !strings.Contains(string(text[:n]), `"starting":false`) {
		return false
	}
	_, err = s.query("SELECT count(*) FROM tpch.tiny.nation")
	return err == nil
}

func (s *Server) stop() {
	_ = s.process.Process.Kill()
	_ = s.process.Wait() // it was killed
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
