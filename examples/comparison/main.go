// Command comparison runs the same jobs as an asyncio queue, as a gevent pool
// and as tagexec, one after the other, and prints what it measured:
//
//	go run ./examples/comparison
//
// It needs Python 3 with venv; gevent is installed into an environment that is
// removed at the end. Postgres is a throwaway one.
package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"time"
)

// parameters are what all three run.
type parameters struct {
	Workers  int       `json:"workers"`
	Sleeps   []float64 `json:"sleeps"`    // seconds
	InFlight int       `json:"in_flight"` // jobs whose memory is taken
	Spin     float64   `json:"spin"`      // seconds of a job that computes and never yields
}

// measured is what one of them took.
type measured struct {
	Wall      float64  `json:"wall"`      // seconds for all sleeps
	Memory    *float64 `json:"memory"`    // bytes per job in flight; nil where the system does not tell
	Gap       float64  `json:"gap"`       // longest time between two heartbeats beside the computing job
	Neighbour float64  `json:"neighbour"` // seconds of a job that sleeps 0.1 s beside it
}

// Heartbeats are this far apart in all three.
const beat = 250 * time.Millisecond

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "comparison:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	random := rand.New(rand.NewPCG(1, 2)) // the same for everybody, and in each run
	p := parameters{Workers: 3, InFlight: 1000, Spin: 2}
	for range 20 {
		p.Sleeps = append(p.Sleeps, 0.1+0.9*random.Float64())
	}
	python, remove, err := makePython(ctx)
	if err != nil {
		return err
	}
	defer remove()
	asyncio, err := python(ctx, "asyncio", p)
	if err != nil {
		return err
	}
	gevent, err := python(ctx, "gevent", p)
	if err != nil {
		return err
	}
	tagexec, err := withTagexec(ctx, p)
	if err != nil {
		return err
	}
	fmt.Print(render(p, asyncio, gevent, tagexec))
	return nil
}

// render writes the rows as a table of Markdown.
func render(p parameters, columns ...measured) string {
	var b strings.Builder
	row := func(what string, value func(measured) string) {
		fmt.Fprintf(&b, "| %s |", what)
		for _, c := range columns {
			fmt.Fprintf(&b, " %s |", value(c))
		}
		b.WriteString("\n")
	}
	seconds := func(s float64) string { return fmt.Sprintf("%.2f s", s) }
	b.WriteString("| | asyncio queue | gevent pool | tagexec |\n|---|---|---|---|\n")
	row(fmt.Sprintf("%d random sleeps, %d workers (no way takes less than %.2f s)", len(p.Sleeps), p.Workers, atBest(p)), func(m measured) string { return seconds(m.Wall) })
	row(fmt.Sprintf("memory per job with %d in flight", p.InFlight), func(m measured) string {
		if m.Memory == nil {
			return "not told by " + runtime.GOOS
		}
		return fmt.Sprintf("%.1f kB", *m.Memory/1000)
	})
	row(fmt.Sprintf("beside a job that computes for %g s: longest time between heartbeats of %g s", p.Spin, beat.Seconds()), func(m measured) string { return seconds(m.Gap) })
	row("… and a neighbour that sleeps 0.10 s takes", func(m measured) string { return seconds(m.Neighbour) })
	return b.String()
}

// atBest is the time of workers that lose none between sleeps taken in order.
func atBest(p parameters) float64 {
	free := make([]float64, p.Workers)
	for _, s := range p.Sleeps {
		first := 0
		for i, at := range free {
			if at < free[first] {
				first = i
			}
		}
		free[first] += s
	}
	last := 0.0
	for _, at := range free {
		last = max(last, at)
	}
	return last
}
