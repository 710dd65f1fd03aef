package runner_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/tagexec/tagexec/executor/runner"
)

// namesIn returns what is in a directory.
func namesIn(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func TestTheNextStartRemovesWhatDeadExecutorsLeft(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	commandsDir := t.TempDir()
	living := commands(t, "true", nil)
	if _, err := living.Run(t.Context(), job(`{"command":"run"}`)); err != nil {
		t.Fatal(err)
	}
	kept := namesIn(t, tmp)
	if len(kept) != 1 {
		t.Fatalf("a living executor has %q", kept)
	}
	if err := os.MkdirAll(filepath.Join(tmp, "tagexec-work-dead", "job-1", "deep"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(commandsDir, filepath.Join(tmp, "tagexec-work-link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(tmp, "another"), 0o700); err != nil {
		t.Fatal(err)
	}
	next, err := runner.NewCommand(runner.CommandOptions{Dir: commandsDir})
	if err != nil {
		t.Fatal(err)
	}
	next.Close()
	names := namesIn(t, tmp)
	if len(names) != 3 || names[0] != "another" || names[1] != "tagexec-work-link" && names[2] != "tagexec-work-link" {
		t.Errorf("left are %q; want another's directory, a link, and %q of the living one", names, kept)
	}
	if _, err := os.Stat(filepath.Join(tmp, kept[0])); err != nil {
		t.Error(err)
	}
	living.Close()
	if _, err := os.Stat(filepath.Join(tmp, kept[0])); err == nil {
		t.Error("it is there after the executor's end")
	}
}

func TestAWorkingDirectoryIsMadeAgainAfterSomebodyTidiedUp(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	c := commands(t, `pwd`, nil)
	if _, err := c.Run(t.Context(), job(`{"command":"run"}`)); err != nil {
		t.Fatal(err)
	}
	for _, name := range namesIn(t, tmp) {
		if err := os.RemoveAll(filepath.Join(tmp, name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Run(t.Context(), job(`{"command":"run"}`)); err != nil {
		t.Error(err)
	}
}

func TestAWorkingDirectoryMadeReadOnlyIsRemoved(t *testing.T) {
	t.Parallel()
	c := commands(t, `pwd; mkdir -p a/b; echo x > a/b/c; ln -s "$1" out; chmod 500 a/b a .`, nil)
	outside := t.TempDir()
	out, err := c.Run(t.Context(), job(`{"command":"run","args":["`+outside+`"]}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(out.Output[:len(out.Output)-1]); !os.IsNotExist(err) {
		t.Errorf("the directory is left behind: %v", err)
	}
	if _, err := os.Stat(outside); err != nil {
		t.Error(err)
	}
}
