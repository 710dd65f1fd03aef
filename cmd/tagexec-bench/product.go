package main

import (
	"context"
	"os/exec"
	"path/filepath"

	"github.com/tagexec/tagexec/cmd/internal/cli"
)

// productPackage is the program that chaos tries.
const productPackage = "github.com/tagexec/tagexec/cmd/tagexec"

// product returns the path of the tagexec program: the given one, or if that is
// empty one that is built into dir from the checkout of the working directory.
func product(ctx context.Context, given, dir string) (string, error) {
	if given != "" {
		path, err := exec.LookPath(given)
		if err != nil {
			return "", cli.Usagef("--tagexec: %w", err)
		}
		return filepath.Abs(path)
	}
	path := filepath.Join(dir, "tagexec")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", path, productPackage).CombinedOutput(); err != nil {
		return "", cli.Usagef("build tagexec: start in a checkout of it, or name a program with --tagexec: %w\n%s", err, out)
	}
	return path, nil
}
