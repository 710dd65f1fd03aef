package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
)

// peer is a queue of others'. A program of its own does with it what a scenario
// does, so that our go.mod stays free of it.
type peer struct {
	title    string
	manifest string // of its program's module, below the directory of all programs
	build    func(ctx context.Context, source, dir string) (command []string, err error)
	best     map[string]int // how it was fastest; its program knows what they mean
	left     string         // SQL that counts its jobs that are not done
}

// peerSchema holds a peer's tables, apart from those of others in a given database.
const peerSchema = "tagexec_bench_peer"

// Names of peers.
const (
	river    = "river"
	graphile = "graphile"
	pgBoss   = "pgboss"
)

var peers = map[string]peer{
	river: {
		title: "River", manifest: "river/go.mod", build: buildGo,
		best: map[string]int{"workers": 2000, "cooldown_ms": 1, "poll_ms": 20},
		left: "SELECT count(*) FROM " + peerSchema + ".river_job WHERE state <> 'completed'",
	},
	graphile: {
		title: "Graphile Worker", manifest: "node/package.json", build: installNode("graphile.js"),
		best: map[string]int{"concurrency": 100, "local_queue": 1000, "complete_delay_ms": 0},
		left: "SELECT count(*) FROM " + peerSchema + "._private_jobs",
	},
	pgBoss: {
		title: "pg-boss", manifest: "node/package.json", build: installNode("pgboss.js"),
		best: map[string]int{"batch": 500, "loops": 2, "poll_ms": 500},
		left: "SELECT count(*) FROM " + peerSchema + ".job WHERE state <> 'completed'",
	},
}

// setting is how it runs, for people.
func (p peer) setting() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(p.best)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, p.best[name]))
	}
	return strings.Join(parts, ", ")
}

// Comparable are the names of all that a scenario can be run against.
func Comparable() []string { return append([]string{Floor}, slices.Sorted(maps.Keys(peers))...) }

// peerOptions are what a peer's program reads first; it knows the same fields.
type peerOptions struct {
	Database  string         `json:"database"`
	Schema    string         `json:"schema"`
	Pending   int            `json:"pending"`
	Finished  int            `json:"finished"`
	Processes int            `json:"processes"`
	Best      map[string]int `json:"best"`
}

func (f fill) peerOptions(url string, processes int) peerOptions {
	return peerOptions{url, peerSchema, f.pending, f.finished, max(1, processes), peers[f.peer].best}
}

// peerProgram is a peer's program, which fills or works.
func (b *Bench) peerProgram(ctx context.Context, peer, verb string) *exec.Cmd {
	command := append(slices.Clone(b.programs[peer]), verb)
	return exec.CommandContext(ctx, command[0], command[1:]...)
}

// fillPeer makes a peer's tables in the database at url and fills them.
func (b *Bench) fillPeer(ctx context.Context, url string, f fill) (err error) {
	ps := newProcesses()
	defer func() { err = errors.Join(err, ps.end(ctx)) }()
	if _, err := ps.start(ctx, b.peerProgram(ctx, f.peer, "fill"), f.peerOptions(url, 1)); err != nil {
		return err
	}
	ps.begin()
	total := f.pending + f.finished
	_, err = ps.await(ctx, func(m Message) bool {
		b.Show(min(m.Stored, total), total, "filling the queue of "+peers[f.peer].title)
		return m.Stored == total && total > 0
	})
	return err
}
