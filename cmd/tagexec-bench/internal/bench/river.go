package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// riverSchema holds River's tables, apart from those of others in a given
// database.
const riverSchema = "tagexec_bench_river"

// riverSource is where its program is below the top of a checkout.
const riverSource = "cmd/tagexec-bench/river"

// riverOptions are what its program reads first; it is a module of its own, with
// the same fields.
type riverOptions struct {
	Database   string `json:"database"`
	Schema     string `json:"schema"`
	Pending    int    `json:"pending"`
	Finished   int    `json:"finished"`
	Workers    int    `json:"workers"`
	CooldownUS int64  `json:"cooldown_us"`
	PollUS     int64  `json:"poll_us"`
}

func (b *Bench) riverOptions(url string, t trial) riverOptions {
	return riverOptions{
		Database: url, Schema: riverSchema, Pending: t.fill.pending, Finished: t.fill.finished,
		Workers: max(1, b.River.Workers/max(1, t.processes)), CooldownUS: b.River.Cooldown.Microseconds(), PollUS: b.River.Poll.Microseconds(),
	}
}

// buildRiver builds its program, if it was asked for. It is not part of ours, so
// that our go.mod stays free of it.
func (b *Bench) buildRiver(ctx context.Context) error {
	if !slices.Contains(b.Versus, RiverQueue) {
		return nil
	}
	b.Log("building River's program")
	b.program = filepath.Join(b.Dir, "river")
	build := exec.CommandContext(ctx, "go", "build", "-race=false", "-buildvcs=false", "-o", b.program, ".")
	build.Dir = b.River.Source
	if output, err := build.CombinedOutput(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return fmt.Errorf("build River's program: this needs Go: %w", err)
		}
		return fmt.Errorf("build River's program in %s: %w\n%s", build.Dir, err, strings.TrimSpace(string(output)))
	}
	return nil
}

// FindRiver returns the directory of River's program: the given one, or if that is
// empty the one in the checkout that holds the working directory.
func FindRiver(given string) (string, error) {
	if given != "" {
		if _, err := os.Stat(filepath.Join(given, "go.mod")); err != nil {
			return "", fmt.Errorf("there is no Go module in %s: it must be the directory %s of a checkout of tagexec", given, riverSource)
		}
		return given, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		source := filepath.Join(dir, riverSource)
		if _, err := os.Stat(filepath.Join(source, "go.mod")); err == nil {
			return source, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("to run against River its program must be built, but its source, %s, was not found in the working directory or above: start in a checkout of tagexec, or name the directory with --river-source", riverSource)
		}
		dir = parent
	}
}

// fillRiver makes River's tables in the database at url and fills them.
func (b *Bench) fillRiver(ctx context.Context, url string, f fill) (err error) {
	ps := newProcesses()
	defer func() { err = errors.Join(err, ps.end(ctx)) }()
	if _, err := ps.start(ctx, exec.CommandContext(ctx, b.program, "fill"), b.riverOptions(url, trial{fill: f})); err != nil {
		return err
	}
	ps.begin()
	total := f.pending + f.finished
	_, err = ps.await(ctx, func(m Message) bool {
		b.Show(min(m.Stored, total), total, "filling River's queue")
		return m.Stored == total && total > 0
	})
	return err
}
