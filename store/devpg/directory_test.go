package devpg_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/store/devpg"
)

func TestASecondServerOnADirectoryIsRefused(t *testing.T) {
	t.Parallel()
	server := start(t, devpg.Options{DataDir: newDir(t), Fast: true})
	_, err := devpg.Start(t.Context(), devpg.Options{DataDir: server.DataDir()})
	wantError(t, err, "in use", "process "+strconv.Itoa(serverPid(t, server.DataDir())), "process "+strconv.Itoa(os.Getpid()))
	query(t, server.URL("postgres"), "SELECT 'ok'")
}

func TestAStalePidFileDoesNotPreventTheStart(t *testing.T) {
	t.Parallel()
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	// Of the server's user, so that PostgreSQL alone would take it for a server.
	options := devpg.Options{DataDir: newDir(t), Fast: true}
	other := start(t, devpg.Options{Fast: true})
	for what, pid := range map[string]int{
		"the process is gone":             dead.Process.Pid,
		"the process is another one":      serverPid(t, other.DataDir()),
		"the process is of somebody else": os.Getppid(),
	} {
		t.Run(what, func(t *testing.T) {
			server := start(t, options)
			file := filepath.Join(server.DataDir(), "data", "postmaster.pid")
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			stop(t, server)
			_, rest, _ := strings.Cut(string(content), "\n")
			if err := os.WriteFile(file, []byte(strconv.Itoa(pid)+"\n"+rest), 0o600); err != nil {
				t.Fatal(err)
			}
			if owner, err := os.Stat(filepath.Dir(file)); err == nil {
				giveTo(t, file, owner)
			}
			query(t, start(t, options).URL("postgres"), "SELECT 'ok'")
		})
	}
}

func TestADirectoryThatIsNotOursIsRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	if err := os.WriteFile(filepath.Join(dir, "thesis.txt"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := devpg.Start(t.Context(), devpg.Options{DataDir: dir})
	wantError(t, err, dir, "neither empty nor a data directory of tagexec")
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("directory holds %v, %v; want the one file", entries, err)
	}
}

func TestADirectoryThatDoesNotExistIsMade(t *testing.T) {
	t.Parallel()
	server := start(t, devpg.Options{DataDir: filepath.Join(newDir(t), "a", "b c'd"), Fast: true})
	query(t, server.URL("postgres"), "SELECT 'ok'")
}

func TestDataOfAVersionWithoutBinariesIsRefusedNamingBoth(t *testing.T) {
	t.Parallel()
	options := devpg.Options{DataDir: newDir(t), Fast: true}
	server := start(t, options)
	stop(t, server)
	file := filepath.Join(options.DataDir, "data", "PG_VERSION")
	if err := os.WriteFile(file, []byte("99\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := devpg.Start(t.Context(), options)
	major, _, _ := strings.Cut(server.Version(), ".")
	wantError(t, err, "the data is of PostgreSQL 99", major)
}

func TestADirectoryThatTheServersUserCannotReachIsNamed(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root runs the server as another user")
	}
	closed := filepath.Join(newDir(t), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := devpg.Start(t.Context(), devpg.Options{DataDir: filepath.Join(closed, "pg")})
	wantError(t, err, "cannot enter "+closed+" on the way to", "chmod o+x "+closed)
}
