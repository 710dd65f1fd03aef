package runner_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/executor/runner"
)

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// trustCase is a directory below one of mode 0755, and a file run in it.
type trustCase struct {
	name    string
	weaken  func(t *testing.T, above, dir string)
	refused string // the part of the message that names the weakness, "" if accepted
}

var trustCases = []trustCase{
	{"as it should be", func(*testing.T, string, string) {}, ""},
	{"anybody may write to the directory", func(t *testing.T, _, dir string) { chmod(t, dir, 0o777) }, "dir may be written by anybody (mode 0777)"},
	{"anybody may write, with the sticky bit", func(t *testing.T, _, dir string) { chmod(t, dir, 0o777|os.ModeSticky) }, "dir may be written by anybody"},
	{"anybody may write to a parent", func(t *testing.T, above, _ string) { chmod(t, above, 0o777) }, "above may be written by anybody"},
	{"a parent with the sticky bit", func(t *testing.T, above, _ string) { chmod(t, above, 0o777|os.ModeSticky) }, ""},
	{"anybody may write to a file", func(t *testing.T, _, dir string) { chmod(t, filepath.Join(dir, "run"), 0o777) }, `"run": others may change it`},
	{"anybody may write to where a link leads", func(t *testing.T, _, dir string) {
		inner := filepath.Join(dir, "inner")
		if err := os.Mkdir(inner, 0o755); err != nil {
			t.Fatal(err)
		}
		writeScript(t, inner, "real", "true")
		if err := os.Symlink("inner/real", filepath.Join(dir, "link")); err != nil {
			t.Fatal(err)
		}
		chmod(t, inner, 0o777)
	}, "inner may be written by anybody"},
}

func init() {
	own := "" // as umask 002 makes it, for a user with a group of its own
	if os.Geteuid() == 0 {
		own = "dir may be written by group 0 (mode 0775)"
		trustCases = append(trustCases, trustCase{"it belongs to somebody else",
			func(t *testing.T, _, dir string) {
				if err := os.Chown(dir, 65534, 0); err != nil {
					t.Fatal(err)
				}
			}, "dir belongs to user 65534"})
	}
	trustCases = append(trustCases, trustCase{"its group may write", func(t *testing.T, _, dir string) { chmod(t, dir, 0o775) }, own})
}

// trustedDir makes a directory that only its owner may change, in another.
func trustedDir(t *testing.T) (above, dir string) {
	t.Helper()
	above = filepath.Join(t.TempDir(), "above")
	dir = filepath.Join(above, "dir")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return above, dir
}

func TestCommandsThatOthersMayChangeAreRefusedAtTheStart(t *testing.T) {
	t.Parallel()
	for _, tt := range trustCases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			above, dir := trustedDir(t)
			writeScript(t, dir, "run", "true")
			tt.weaken(t, above, dir)
			c, err := runner.NewCommand(runner.CommandOptions{Dir: dir})
			if err == nil {
				c.Close()
			}
			wantRefusal(t, err, tt.refused)
		})
	}
}

func TestSecretsThatOthersMayChangeAreRefusedAtTheStart(t *testing.T) {
	t.Parallel()
	for _, tt := range trustCases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			above, dir := trustedDir(t)
			if err := os.WriteFile(filepath.Join(dir, "run"), []byte("https://h\nhush-hush\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			tt.weaken(t, above, dir)
			h, err := runner.NewHTTP(runner.HTTPOptions{Origins: []string{"https://h"}, SecretsDir: dir})
			if err == nil {
				h.Close()
			}
			wantRefusal(t, err, tt.refused)
			if err != nil && strings.Contains(err.Error(), "hush-hush") {
				t.Errorf("the error shows the secret: %v", err)
			}
		})
	}
}

func wantRefusal(t *testing.T, err error, part string) {
	t.Helper()
	switch {
	case part == "" && err != nil:
		t.Errorf("refused: %v", err)
	case part != "" && err == nil:
		t.Error("accepted")
	case part != "" && !strings.Contains(err.Error(), part):
		t.Errorf("error %v lacks %q", err, part)
	}
}

func TestACommandThatOthersMayChangeMeanwhileIsNotRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := newCommand(t, runner.CommandOptions{Dir: dir})
	writeScript(t, dir, "late", "echo ran")
	chmod(t, filepath.Join(dir, "late"), 0o757)
	u := lacks(t, c, `{"command":"late"}`)
	wantFailure(t, u, "command_not_allowed", false, `"late"`, "may change it")
	chmod(t, filepath.Join(dir, "late"), 0o755)
	if out, err := c.Run(t.Context(), job(`{"command":"late"}`)); err != nil || out.Output != "ran\n" {
		t.Errorf("output %q, error %v", out.Output, err)
	}
}
