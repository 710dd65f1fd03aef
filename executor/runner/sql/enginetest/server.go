package enginetest

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Server is a server of an engine in a process of its own.
type Server struct {
	Dir     string           // where it runs
	Command func() *exec.Cmd // makes its command
	Ready   func() error     // is asked until it returns none
	Within  time.Duration    // it must be ready

	process *exec.Cmd
	log     *os.File
}

// Start starts the server and waits until it is ready. It ends with the test; if that has
// failed, it shows the end of the server's log.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	var err error
	if s.log, err = os.Create(filepath.Join(s.Dir, "log")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.stop()
		_ = s.log.Close()
		if t.Failed() {
			said, _ := os.ReadFile(s.log.Name())
			t.Logf("the end of the server's log: %s", said[max(0, len(said)-4000):])
		}
	})
	s.start(t)
}

// Restart stops the server at once, and starts it again.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.stop()
	s.start(t)
}

// Process is that of the server.
func (s *Server) Process() int { return s.process.Process.Pid }

func (s *Server) start(t testing.TB) {
	t.Helper()
	s.process = s.Command()
	s.process.Dir, s.process.Stdout, s.process.Stderr = s.Dir, s.log, s.log
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	Eventually(t, s.Within, "the server is ready", func() bool { return s.Ready() == nil })
}

func (s *Server) stop() {
	if s.process.Process != nil {
		_ = s.process.Process.Kill()
		_ = s.process.Wait() // it was killed
	}
}

// Client asks a server without keeping a connection, which case 20 would find left open.
var Client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// FreeAddress is a host and port where nobody listens.
func FreeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
