package devpg_test

import (
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/store/devpg"
)

func TestDataAndURLOfAKeptDirectoryStayOverRestarts(t *testing.T) {
	t.Parallel()
	options := devpg.Options{DataDir: newDir(t)}
	server := start(t, options)
	first := server.URL("postgres")
	query(t, first, "CREATE TABLE kept AS SELECT 42 AS n")
	stop(t, server)

	server = start(t, options)
	if again := server.URL("postgres"); again != first {
		t.Errorf("URL = %s, before the restart %s", again, first)
	}
	if n := query(t, first, "SELECT n::text FROM kept"); n != "42" {
		t.Errorf("kept row = %q, want 42", n)
	}
}

func TestKeptDirectoryMovesToAnotherPortWhenItsLastOneIsTaken(t *testing.T) {
	t.Parallel()
	options := devpg.Options{DataDir: newDir(t), Fast: true}
	server := start(t, options)
	first := port(t, server)
	stop(t, server)
	l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(first))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()

	server = start(t, options)
	if port(t, server) == first {
		t.Errorf("the port is still %d", first)
	}
	query(t, server.URL("postgres"), "SELECT 'ok'")

	_, err = devpg.Start(t.Context(), devpg.Options{Port: first})
	wantError(t, err, "port "+strconv.Itoa(first)+" of 127.0.0.1 is taken")
}

func TestStopImmediateIsACrashAndRestartRecovers(t *testing.T) {
	t.Parallel()
	server := start(t, devpg.Options{Fast: true})
	database := server.URL("postgres")
	query(t, database, "CREATE TABLE kept AS SELECT 42 AS n; CHECKPOINT; INSERT INTO kept VALUES (43)")
	for _, end := range []func() error{server.StopImmediate, server.StopImmediate} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := pgx.Connect(t.Context(), database); err == nil {
		t.Fatal("connected to a stopped server")
	}
	for range 2 { // from stopped, then from running
		if err := server.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := query(t, database, "SELECT sum(n)::text FROM kept"); n != "85" {
			t.Errorf("sum after restart = %q, want 85", n)
		}
	}
	log, err := os.ReadFile(filepath.Join(server.DataDir(), "postgres.log"))
	if err != nil || !strings.Contains(string(log), "automatic recovery in progress") {
		t.Errorf("no recovery in the log (%v):\n%s", err, log)
	}
}

func TestStopRemovesATemporaryDirectoryAndIsIdempotent(t *testing.T) {
	t.Parallel()
	server := start(t, devpg.Options{Fast: true})
	if _, err := os.Stat(server.DataDir()); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() { stop(t, server) })
	}
	group.Wait()
	if _, err := os.Stat(server.DataDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory is still there: %v", err)
	}
	if err := server.StopImmediate(); err != nil {
		t.Error(err)
	}
	wantError(t, server.Restart(t.Context()), "stopped for good")
}

func TestServerIsSetUpAsPromised(t *testing.T) {
	t.Parallel()
	server := start(t, devpg.Options{Fast: true, Settings: map[string]string{"max_connections": "17", "application_name": "a b"}})
	for setting, want := range map[string]string{
		"max_connections":         "17",
		"application_name":        "a b",
		"fsync":                   "off",
		"listen_addresses":        "127.0.0.1",
		"unix_socket_directories": "",
		"server_encoding":         "UTF8",
		"lc_messages":             "C",
		"password_encryption":     "scram-sha-256",
	} {
		if got := query(t, server.URL("postgres"), "SHOW "+setting); got != want {
			t.Errorf("%s = %q, want %q", setting, got, want)
		}
	}
	if got := query(t, server.URL("postgres"), "SHOW server_version"); !strings.HasPrefix(got, server.Version()) {
		t.Errorf("Version() = %q, the server says %q", server.Version(), got)
	}
	if got := query(t, server.URL("postgres"), "SELECT count(*)::text FROM pg_hba_file_rules WHERE auth_method <> 'scram-sha-256'"); got != "0" {
		t.Errorf("%s ways in without a password", got)
	}
	wrong := strings.Replace(server.URL("postgres"), "@", "x@", 1)
	if _, err := pgx.Connect(t.Context(), wrong); err == nil {
		t.Error("connected with a wrong password")
	}
}

func TestManyServersStartAtOnce(t *testing.T) {
	t.Parallel()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			server, err := devpg.Start(t.Context(), devpg.Options{Fast: true})
			if err != nil {
				t.Error(err)
				return
			}
			stop(t, server)
		})
	}
	group.Wait()
}

func TestAnEndedContextEndsTheStartAndLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	for _, ms := range []time.Duration{0, 5, 10, 15, 20, 30, 40, 60, 80, 100, 150, 200, 1000} {
		after := ms * time.Millisecond
		ctx, cancel := context.WithTimeout(t.Context(), after)
		server, err := devpg.Start(ctx, devpg.Options{DataDir: dir, Fast: true})
		cancel()
		if err == nil { // a quick machine
			stop(t, server)
			break
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after %v: %v", after, err)
		}
		if inside := processesBelow(t, dir); len(inside) > 0 {
			t.Errorf("after %v: processes left: %v", after, inside)
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, "data")); err != nil && len(entries) > 0 {
			t.Errorf("after %v: files left: %v", after, entries)
		}
	}
	query(t, start(t, devpg.Options{DataDir: dir, Fast: true}).URL("postgres"), "SELECT 'ok'")
}

func TestAServerThatDoesNotStartSaysWhy(t *testing.T) {
	t.Parallel()
	_, err := devpg.Start(t.Context(), devpg.Options{Settings: map[string]string{"shared_buffers": "lots"}})
	wantError(t, err, "gave up", `invalid value for parameter "shared_buffers"`)
}

func start(t *testing.T, o devpg.Options) *devpg.Server {
	t.Helper()
	o.Log = t.Logf
	server, err := devpg.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, server) })
	return server
}

func stop(t *testing.T, server *devpg.Server) {
	t.Helper()
	if err := server.Stop(); err != nil {
		t.Error(err)
	}
}

// query returns the first column of the first row, as text.
func query(t *testing.T, database, sql string) string {
	t.Helper()
	ctx := context.Background() // cleanups use it too
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	results, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	for _, result := range results {
		for _, row := range result.Rows {
			return string(row[0])
		}
	}
	return ""
}

func port(t *testing.T, server *devpg.Server) int {
	t.Helper()
	u, err := url.Parse(server.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// newDir is t.TempDir, except that the server's user can reach it if we are root.
func newDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error lacks %q: %v", part, err)
		}
	}
}

// giveTo makes the owner of one file that of another.
func giveTo(t *testing.T, file string, owner os.FileInfo) {
	t.Helper()
	s := owner.Sys().(*syscall.Stat_t)
	if err := os.Chown(file, int(s.Uid), int(s.Gid)); err != nil {
		t.Fatal(err)
	}
}

// processesBelow returns the processes that work in a directory. None where there is no /proc.
func processesBelow(t *testing.T, dir string) (pids []string) {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if works, err := os.Readlink(link); err == nil && strings.HasPrefix(works, dir) {
			pids = append(pids, filepath.Base(filepath.Dir(link)))
		}
	}
	return pids
}
