// Package mariadb starts a MariaDB for tests, from the programs of Debian's
// mariadb-server-core and mariadb-client-core.
package mariadb

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
)

// startTime is how long the server may take until it answers.
const startTime = 60 * time.Second

// Server is a running MariaDB.
type Server struct {
	Admin *sql.DB // of the administrator
	dir   string
	args  []string
	port  string
	cmd   *exec.Cmd
	ended chan struct{}
	names atomic.Int64
}

// Start starts a server with its files in dir, an empty directory. Stop it.
func Start(dir string, args ...string) (*Server, error) {
	data, tmp := filepath.Join(dir, "data"), filepath.Join(dir, "tmp")
	if err := os.Mkdir(tmp, 0o700); err != nil { // a server that starts removes the temporary tables that it finds
		return nil, err
	}
	made, err := exec.Command("mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal",
		"--skip-test-db", "--user="+user(), "--datadir="+data, "--tmpdir="+tmp).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("make the files of a MariaDB (is mariadb-server-core installed, and mariadb-client-core?): %w\n%s", err, made)
	}
	s := &Server{dir: dir, args: args}
	if s.port, err = freePort(); err != nil {
		return nil, err
	}
	config := mysql.NewConfig()
	config.User, config.Net, config.Addr = "root", "unix", s.socket()
	config.Logger = &mysql.NopLogger{} // it says that the server is not there yet
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	s.Admin = sql.OpenDB(connector)
	return s, s.start()
}

func (s *Server) socket() string { return filepath.Join(s.dir, "socket") }

func (s *Server) start() error {
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	s.cmd = exec.Command("mariadbd", append([]string{"--no-defaults", "--user=" + user(), "--datadir=" + filepath.Join(s.dir, "data"),
		"--tmpdir=" + filepath.Join(s.dir, "tmp"),
		"--socket=" + s.socket(), "--bind-address=127.0.0.1", "--port=" + s.port, "--skip-name-resolve",
		"--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=0"}, s.args...)...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("start MariaDB: %w", err)
	}
	s.ended = make(chan struct{})
	go func() {
		defer close(s.ended)
		_ = s.cmd.Wait()
	}()
	return s.answers()
}

// answers waits until the server answers.
func (s *Server) answers() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	for {
		err := s.Admin.PingContext(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-s.ended:
			return s.failed("MariaDB ended")
		case <-ctx.Done():
			return s.failed("MariaDB does not answer")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *Server) failed(what string) error { return fmt.Errorf("%s; its log:\n%s", what, s.Log()) }

// Log is what the server has written.
func (s *Server) Log() string {
	log, _ := os.ReadFile(filepath.Join(s.dir, "log")) // the worst is that nothing is shown
	return string(log)
}

// Process is the server's process.
func (s *Server) Process() *os.Process { return s.cmd.Process }

// Restart ends the server at once, as a crash does, and starts it again.
func (s *Server) Restart() error {
	s.Stop()
	return s.start()
}

// Stop ends the server at once.
func (s *Server) Stop() {
	_ = s.cmd.Process.Kill() // it may have ended
	<-s.ended
}

// Database makes a database and a login that may do everything there, and returns the
// URL of a source.
func (s *Server) Database() (string, error) {
	name := "tags" + strconv.FormatInt(s.names.Add(1), 10)
	u := url.URL{Scheme: "mariadb", User: url.UserPassword(name+"_job", "hush-"+name), Host: net.JoinHostPort("127.0.0.1", s.port), Path: "/" + name}
	password, _ := u.User.Password()
	for _, statement := range []string{
		"CREATE DATABASE " + name,
		fmt.Sprintf("CREATE USER %s@'%%' IDENTIFIED BY '%s'", u.User.Username(), password),
		fmt.Sprintf("GRANT ALL ON %s.* TO %s@'%%'", name, u.User.Username()),
	} {
		if _, err := s.Admin.Exec(statement); err != nil {
			return "", fmt.Errorf("make a database: %w", err)
		}
	}
	return u.String(), nil
}

// freePort finds a port outside the range of those that clients get, which may take it
// while the server is restarted.
func freePort() (port string, err error) {
	for range 100 {
		port = strconv.Itoa(10_000 + rand.N(20_000))
		var listener net.Listener
		if listener, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", port)); err == nil {
			return port, listener.Close()
		}
	}
	return "", err
}

// user is the name of who runs the tests: the server must be told if it is root.
func user() string {
	if os.Geteuid() == 0 {
		return "root"
	}
	return os.Getenv("USER")
}
