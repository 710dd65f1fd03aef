package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/store/storetest"
)

// stalledReader returns a pipe that is full, and whose reader is there and reads nothing.
func stalledReader(t *testing.T) *os.File {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { read.Close(); write.Close() })
	raw, err := write.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	// Not by a deadline of Write: on a busy machine it passes before the first byte.
	var full error
	if err := raw.Control(func(fd uintptr) {
		for piece := make([]byte, 1<<16); full == nil; {
			_, full = syscall.Write(int(fd), piece)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(full, syscall.EAGAIN) {
		t.Fatal(full)
	}
	return write
}

// startUnread starts a program whose output nobody reads.
func startUnread(t *testing.T, db *storetest.DB, args ...string) *clitest.Process {
	t.Helper()
	p := clitest.New(t, "tagexec", args...)
	p.Stdout = stalledReader(t)
	p.Stderr = p.Stdout
	p.Env = append(os.Environ(), "TAGEXEC_DATABASE_URL="+db.URL, "TAGEXEC_SQL_SOURCES=db="+db.URL, "TAGEXEC_HTTP_ADDR=127.0.0.1:0",
		"TAGEXEC_POLL_INTERVAL=20ms", "TAGEXEC_LOG_LEVEL=debug")
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAReaderThatReadsNothingHoldsNoEnd(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	file := filepath.Join(t.TempDir(), "jobs")
	if err := os.WriteFile(file, []byte(`{"tag":"long","payload":{"statement":"SELECT pg_sleep(1000)"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args   []string
		signal syscall.Signal
		code   int
	}{
		"run, SIGTERM":                       {[]string{"run", "--jobs", file, "--batch", "a"}, syscall.SIGTERM, 143},
		"run, SIGINT":                        {[]string{"run", "--jobs", file, "--batch", "b"}, syscall.SIGINT, 130},
		"run, its time limit":                {[]string{"run", "--jobs", file, "--batch", "c", "--timeout", "1s"}, 0, 4},
		"run that is done, its time limit":   {[]string{"run", "--jobs", "/dev/null", "--batch", "d", "--timeout", "1s"}, 0, 4},
		"submit that waits, SIGTERM":         {[]string{"submit", "--jobs", file, "--batch", "e", "--wait"}, syscall.SIGTERM, 143},
		"an executor, SIGTERM":               {[]string{"serve"}, syscall.SIGTERM, 143},
		"wrong usage, which says much, ends": {[]string{"run", "--batch", strings.Repeat("x", 501), "--timeout", "1s"}, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startUnread(t, db, c.args...)
			if c.signal != 0 {
				clitest.Eventually(t, "the program is at work", func() bool {
					return c.args[0] == "serve" && storetest.One[bool](db, "SELECT EXISTS (SELECT FROM tagexec.tag_executors WHERE pid = $1)", p.Process.Pid) ||
						c.args[0] != "serve" && storetest.One[bool](db, "SELECT EXISTS (SELECT FROM tagexec.tag_jobs WHERE batch = $1)", c.args[4])
				})
				p.Signal(c.signal)
			}
			if code := p.Exit(); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
		})
	}
}

// Nobody reads the log of an executor: it works all the same.
func TestAReaderThatReadsNothingHoldsNoJob(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	p := startUnread(t, db, "serve")
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag, max_attempts, payload) SELECT 'x', 1, '{"statement": "SELECT 1/0"}' FROM generate_series(1, 5000)`)
	clitest.Eventually(t, "the end of all jobs", func() bool {
		return storetest.One[int64](db, "SELECT count(*) FROM tagexec.tag_jobs WHERE state = 'failed'") == 5000
	})
	p.Signal(syscall.SIGTERM)
	if code := p.Exit(); code != 143 {
		t.Errorf("exit code %d, want 143", code)
	}
}

// A reader that is slow gets everything in the end.
func TestASlowReaderGetsAllResults(t *testing.T) {
	t.Parallel()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	p := clitest.New(t, "tagexec", "help", "config")
	p.Stdout = write
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	ended := make(chan int)
	go func() { ended <- p.Exit() }()
	var got bytes.Buffer
	for buffer := make([]byte, 7); ; {
		n, err := read.Read(buffer)
		got.Write(buffer[:n])
		if err != nil {
			break
		}
	}
	if code := <-ended; code != 0 || !strings.Contains(got.String(), "TAGEXEC_LOG_LEVEL") {
		t.Errorf("exit code %d, got %s", code, got.String())
	}
}
