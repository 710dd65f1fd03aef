package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// buildPeers builds the programs of those that were asked for.
func (b *Bench) buildPeers(ctx context.Context) (err error) {
	b.programs = map[string][]string{}
	for _, name := range b.Versus {
		p, known := peers[name]
		if !known {
			continue
		}
		b.Log("building the program of %s", p.title)
		source := filepath.Dir(filepath.Join(b.Peers, p.manifest))
		if b.programs[name], err = p.build(ctx, source, b.Dir); err != nil {
			return fmt.Errorf("build the program of %s: %w", p.title, err)
		}
	}
	return nil
}

func buildGo(ctx context.Context, source, dir string) ([]string, error) {
	program := filepath.Join(dir, filepath.Base(source))
	return []string{program}, tool(ctx, source, "go", "build", "-race=false", "-buildvcs=false", "-o", program, ".")
}

// installNode returns what installs the packages that a script needs, Node itself among them.
func installNode(script string) func(ctx context.Context, source, dir string) ([]string, error) {
	return func(ctx context.Context, source, dir string) ([]string, error) {
		dir = filepath.Join(dir, "node")
		node := filepath.Join(dir, "node_modules", ".bin", "node")
		command := []string{node, filepath.Join(dir, script)}
		if _, err := os.Stat(node); err == nil {
			return command, nil // for another script
		}
		if err := os.CopyFS(dir, os.DirFS(source)); err != nil {
			return nil, err
		}
		return command, tool(ctx, dir, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	}
}

// tool runs a program in dir; its output is shown only if it fails.
func tool(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	output, err := cmd.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("this needs the program %s: %w", name, err)
	}
	if err != nil {
		return fmt.Errorf("%s in %s: %w\n%s", cmd, dir, err, strings.TrimSpace(string(output)))
	}
	return nil
}

// peersSource is where the peers' programs are below the top of a checkout.
const peersSource = "cmd/tagexec-bench"

// FindPeers returns the directory that holds the programs of the peers among
// names: the given one, or if that is empty the one in the checkout that holds the
// working directory.
func FindPeers(given string, names []string) (string, error) {
	if given != "" {
		if titles := missing(given, names); titles != "" {
			return "", fmt.Errorf("there is no program for %s in %s: it must be the directory %s of a checkout of tagexec", titles, given, peersSource)
		}
		return filepath.Abs(given)
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		source := filepath.Join(dir, peersSource)
		titles := missing(source, names)
		if titles == "" {
			return source, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("to run against %s a program must be built, but its source was not found in the working directory or above: start in a checkout of tagexec, or name its directory %s with --peers", titles, peersSource)
		}
		dir = parent
	}
}

// missing names the peers whose programs are not in dir.
func missing(dir string, names []string) string {
	var titles []string
	for _, name := range names {
		if p, known := peers[name]; known {
			if _, err := os.Stat(filepath.Join(dir, p.manifest)); err != nil {
				titles = append(titles, p.title)
			}
		}
	}
	return strings.Join(titles, ", ")
}
