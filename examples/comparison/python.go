package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed sleeps.py
var sleepsPy []byte

//go:embed requirements.txt
var requirements []byte

// makePython makes a virtual environment and returns what runs sleeps.py in it,
// and what removes it.
func makePython(ctx context.Context) (_ func(context.Context, string, parameters) (measured, error), remove func(), err error) {
	dir, err := os.MkdirTemp("", "tagexec-comparison-")
	if err != nil {
		return nil, nil, err
	}
	remove = func() { _ = os.RemoveAll(dir) }
	defer func() {
		if err != nil {
			remove()
		}
	}()
	for name, text := range map[string][]byte{"sleeps.py": sleepsPy, "requirements.txt": requirements} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return nil, nil, err
		}
	}
	program := filepath.Join(dir, "venv", "bin", "python")
	for _, command := range [][]string{
		{"python3", "-m", "venv", "venv"},
		{program, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"},
	} {
		if _, err := output(ctx, dir, nil, command...); err != nil {
			return nil, nil, fmt.Errorf("make the Python environment: %w", err)
		}
	}
	return func(ctx context.Context, way string, p parameters) (m measured, err error) {
		input, err := json.Marshal(p)
		if err != nil {
			return m, err
		}
		out, err := output(ctx, dir, input, program, "sleeps.py", way)
		if err == nil {
			err = json.Unmarshal(out, &m)
		}
		if err != nil {
			return m, fmt.Errorf("run it with %s: %w", way, err)
		}
		return m, nil
	}, remove, nil
}

// output runs a command and returns what it prints; the error has its stderr.
func output(ctx context.Context, dir string, input []byte, command ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir, cmd.Stdin = dir, bytes.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", command[0], err, stderr.Bytes())
	}
	return out, nil
}
