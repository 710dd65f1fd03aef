package demo

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// runManifest runs the command as the command runner does: no environment, no shell in between.
func runManifest(t *testing.T, dir, stdin string, args ...string) (stdout string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "export_manifest"), args...)
	cmd.Env = []string{}
	cmd.Stdin = strings.NewReader(stdin)
	var out bytes.Buffer
	cmd.Stdout = &out
	err = cmd.Run()
	return out.String(), err
}

func TestManifestNamesEveryTagAndEndsWithItsResult(t *testing.T) {
	t.Parallel()
	dir, out := t.TempDir(), t.TempDir()
	if err := WriteCommands(dir); err != nil {
		t.Fatal(err)
	}
	tags, err := readScripts("tags")
	if err != nil {
		t.Fatal(err)
	}
	payload := manifestJob(tags, "1998-06-30", Places{ManifestDir: out}).Payload.(commandPayload)

	stdout, err := runManifest(t, dir, payload.Stdin, payload.Args...)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := os.ReadFile(filepath.Join(out, "manifest-1998-06-30.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(manifest)), "\n")
	if len(lines) != len(tags) {
		t.Fatalf("the manifest has %d lines, want %d:\n%s", len(lines), len(tags), manifest)
	}
	for i, tag := range tags {
		if !strings.HasPrefix(lines[i], "1998-06-30\t"+tag.Tag+"\t") {
			t.Errorf("line %d is %q, want tag %s", i+1, lines[i], tag.Tag)
		}
	}

	printed := strings.Split(strings.TrimSpace(stdout), "\n")
	var result struct {
		BizDate string `json:"biz_date"`
		Tags    int    `json:"tags"`
		Bytes   int    `json:"bytes"`
	}
	if err := json.Unmarshal([]byte(printed[len(printed)-1]), &result); err != nil {
		t.Fatal(err)
	}
	if result.BizDate != "1998-06-30" || result.Tags != len(tags) || result.Bytes != len(manifest) {
		t.Errorf("result is %+v", result)
	}

	again, err := runManifest(t, dir, payload.Stdin, payload.Args...)
	if err != nil || again != stdout {
		t.Errorf("a repeat printed %q (%v), want %q", again, err, stdout)
	}
}

func TestManifestFailsAndLeavesNothing(t *testing.T) {
	t.Parallel()
	dir, out := t.TempDir(), t.TempDir()
	if err := WriteCommands(dir); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		stdin string
		args  []string
	}{
		"no tags":          {"", []string{"--date", "1998-06-30", "--out", out}},
		"no date":          {"a\tb\n", []string{"--out", out}},
		"no directory":     {"a\tb\n", []string{"--date", "1998-06-30", "--out", out + "/missing"}},
		"unknown argument": {"a\tb\n", []string{"--when", "1998-06-30"}},
	} {
		if _, err := runManifest(t, dir, c.stdin, c.args...); err == nil {
			t.Errorf("%s: the command succeeded", name)
		}
	}
	left, err := os.ReadDir(out)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
