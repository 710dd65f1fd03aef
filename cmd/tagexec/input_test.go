package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store/storetest"
)

// fifo returns a named pipe.
func fifo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "jobs")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// holdOpen opens a named pipe for writing, which waits for its reader, and writes nothing.
func holdOpen(t *testing.T, path string) {
	t.Helper()
	write, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { write.Close() })
}

// lastSummary is the last line of run's stdout.
func lastSummary(t *testing.T, p *clitest.Process) (s summary) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(p.Out.String()), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &s); err != nil {
		t.Fatalf("the last line is no JSON object: %v", err)
	}
	return s
}

func TestSignalEndsTheWaitForJobs(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for name, c := range map[string]struct {
		command string
		signal  syscall.Signal
		code    int
	}{
		"run, SIGTERM":    {"run", syscall.SIGTERM, 143},
		"run, SIGINT":     {"run", syscall.SIGINT, 130},
		"submit, SIGTERM": {"submit", syscall.SIGTERM, 143},
		"submit, SIGINT":  {"submit", syscall.SIGINT, 130},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := fifo(t)
			p := start(t, db, []string{c.command, "--batch", "b", "--jobs", path})
			holdOpen(t, path)
			p.Signal(c.signal)
			if code := p.Exit(); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			if c.command != "run" {
				return
			}
			if s := lastSummary(t, p); s.ExitCode != c.code || !strings.Contains(s.Error, "while jobs were read from "+path) {
				t.Errorf("summary %+v", s)
			}
		})
	}
}

func TestTimeLimitEndsTheWaitForJobs(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	unopened := fifo(t)
	silent, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer write.Close()
	defer silent.Close()
	for name, jobs := range map[string]string{"a FIFO that nobody writes": unopened, "standard input": "-"} {
		t.Run(name, func(t *testing.T) {
			p := clitest.New(t, "tagexec", "run", "--batch", "b", "--jobs", jobs, "--timeout", "100ms")
			p.Env = append(os.Environ(), "TAGEXEC_DATABASE_URL="+db.URL, "TAGEXEC_SQL_SOURCES=db="+db.URL)
			p.Stdin = silent
			if err := p.Start(); err != nil {
				t.Fatal(err)
			}
			if code := p.Exit(); code != 4 {
				t.Errorf("exit code %d, want 4", code)
			}
			if s := lastSummary(t, p); s.ExitCode != 4 || !strings.Contains(s.Error, "while jobs were read from ") {
				t.Errorf("summary %+v", s)
			}
		})
	}
}

// What only the server finds out before it can tell the jobs apart has its line too.
func TestSubmitNamesTheLineWithACharacterThatTheDatabaseLacks(t *testing.T) {
	t.Parallel()
	db := storetest.Encoded(t, "LATIN1")
	if _, err := migrations.Up(t.Context(), db.URL); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ jobs, want string }{
		"in a tag":              {"tag\né\n\nb\n日\nc\n月\n", `nothing was submitted: line 5: character with byte sequence 0xe6 0x97 0xa5 in encoding "UTF8" has no equivalent in encoding "LATIN1"`},
		"escaped, in a payload": {"{\"tag\":\"é\"}\n\n{\"tag\":\"b\",\"payload\":{\"a\":\"\\u65e5\"}}\n{\"tag\":\"c\"}\n", "nothing was submitted: line 3: "},
		"nothing of the kind":   {"tag,pool\né,nowhere\n", `nothing was submitted: line 2 (tag "é"): unknown pool "nowhere"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "jobs")
			if err := os.WriteFile(path, []byte(c.jobs), 0o600); err != nil {
				t.Fatal(err)
			}
			p := start(t, db, []string{"submit", "--batch", "b", "--jobs", path})
			if code := p.Exit(); code != 2 || !strings.Contains(p.ErrOut.String(), c.want) {
				t.Errorf("exit code %d, %s", code, p.ErrOut.String())
			}
		})
	}
}

func TestSubmitSaysWhatIsWrongWhereASequenceIsBehind(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Insert(storetest.Row{})
	db.Exec("SELECT setval('tagexec.tag_jobs_id_seq', (SELECT min(id) FROM tagexec.tag_jobs), false)")
	p := clitest.New(t, "tagexec", "submit", "--batch", "b", "--jobs", "-")
	p.Env = append(os.Environ(), "TAGEXEC_DATABASE_URL="+db.URL)
	p.Stdin = strings.NewReader("tag\na\n")
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	if code, want := p.Exit(), "the sequence of the table is behind it, and `tagexec doctor` says how to mend that"; code != 2 || !strings.Contains(p.ErrOut.String(), want) {
		t.Errorf("exit code %d, %s", code, p.ErrOut.String())
	}
}
