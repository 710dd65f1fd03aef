package devpg

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"sync"
	"syscall"
)

// superuser owns everything in the server.
const superuser = "postgres"

// Options of a development server. The zero value is a throwaway server.
type Options struct {
	// DataDir is where the data stays. It is made if need be; a directory with anything in it that is not from devpg is
	// refused. Empty: a directory below os.TempDir, removed by Stop.
	DataDir string

	// Port of 127.0.0.1. 0: a free one; for a kept DataDir the one used last time if it is free.
	Port int

	// Fast is for tests: nothing is synced to disk. A crash of the machine may lose the data, a crash of the server (or
	// StopImmediate) loses no commit.
	Fast bool

	// Settings are further server settings, such as max_connections.
	Settings map[string]string

	// Preload is a shared library that the server loads before all others (LD_PRELOAD): what breaks a server on purpose
	// moves its clock so. Empty: none.
	Preload string

	// Log is told of what takes long, such as a download. May be nil.
	Log func(format string, args ...any)

	binaries *finder // tests only; nil: where binaries usually are
}

// Server is a PostgreSQL server that lives no longer than the process that started it. Its methods may be called by several
// goroutines at once.
type Server struct {
	options  Options
	dir      *directory
	account  account
	binaries binaries
	password string

	port int // set by Start, never changed

	mu      sync.Mutex // guards what follows
	process *process   // nil: not running
	log     *serverLog // of process
	stopped bool
}

// Start starts a server and returns once it accepts connections. That takes about a second, an existing DataDir much less, a
// download of the binaries as long as the network needs.
//
// ctx bounds the start, not the life of the server. If Start fails or ctx ends, no process and no temporary directory are
// left. Errors say what to do: the directory is in use (with the process id), is not from devpg, is of a PostgreSQL version
// for which there are no binaries, or cannot be entered by the user whom the server runs as. If the server itself gives up,
// the end of its log is in the error.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	if o.binaries == nil {
		o.binaries = usualPlaces()
	}
	dir, err := openDirectory(ctx, o.DataDir)
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	s := &Server{options: o, dir: dir}
	if err := s.start(ctx); err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", errors.Join(err, dir.release()))
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) (err error) {
	s.account = serverAccount(s.dir.data())
	if s.binaries, err = s.findBinaries(ctx); err != nil {
		return err
	}
	if err := s.account.checkEnter(ctx, s.dir.path, s.binaries); err != nil {
		return err
	}
	if s.dir.initialised() {
		s.password, err = s.dir.readPassword()
	} else {
		s.password, err = s.initdb(ctx)
	}
	if err != nil {
		return err
	}
	if err := s.launchOnSomePort(ctx); err != nil {
		return err
	}
	if s.dir.temporary {
		return nil
	}
	if err := s.dir.writePort(s.port, s.account); err != nil {
		return errors.Join(err, s.end(syscall.SIGINT))
	}
	return nil
}

// URL of a database in the server, for its superuser. The database postgres is always there. For a kept DataDir the URL stays
// the same over restarts as long as the port does.
func (s *Server) URL(database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(superuser, s.password),
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)),
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// DataDir is the directory of Options.DataDir as an absolute path, or the temporary one.
func (s *Server) DataDir() string { return s.dir.path }

// Version of the server, such as 15.14.
func (s *Server) Version() string { return s.binaries.version }

// Stop ends the server (a fast shutdown: open transactions are rolled back), waits for it and removes a temporary directory.
// Further calls do nothing. The error tells of a directory that could not be removed or a server that had to be killed.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil
	}
	s.stopped = true
	if err := errors.Join(s.end(syscall.SIGINT), s.dir.release()); err != nil {
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	return nil
}

// StopImmediate ends the server as a crash would, without a checkpoint (`pg_ctl stop -m immediate`), and waits for it. Data and
// port stay for Restart. It does nothing if the server is not running.
func (s *Server) StopImmediate() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.end(syscall.SIGQUIT); err != nil {
		return fmt.Errorf("stop PostgreSQL at once: %w", err)
	}
	return nil
}

// Restart starts the server again on the same port, with a fast shutdown before if it is running, and returns once it accepts
// connections. ctx bounds the start. After an error the server is down, and Restart may be tried again. After Stop it is an error.
func (s *Server) Restart(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return errors.New("restart PostgreSQL: it was stopped for good")
	}
	err := s.end(syscall.SIGINT)
	if err == nil {
		err = s.launch(ctx)
	}
	if err != nil {
		return fmt.Errorf("restart PostgreSQL: %w", err)
	}
	return nil
}

// end stops the process, if there is one.
func (s *Server) end(sig syscall.Signal) error {
	if s.process == nil {
		return nil
	}
	err := errors.Join(s.process.stop(sig), s.log.Close())
	s.process, s.log = nil, nil
	return err
}
