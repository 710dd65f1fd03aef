package bench

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"
)

// trial is a run that stores something, as fast as it can.
type trial struct {
	fill       fill
	target     int           // what is stored when the clock stops
	processes  int           // 0: one
	options    WorkerOptions // of each process; Database is set when there is one
	background background    // nil: nothing
}

// background starts something that goes on during a run, until end is called.
type background func(ctx context.Context, url string) (end func() error, err error)

// try does the run.
func (b *Bench) try(ctx context.Context, d trial) (r run, err error) {
	url, name, err := b.setup.fresh(ctx, d.fill)
	if err != nil {
		return r, err
	}
	endBackground := func() error { return nil }
	if d.background != nil {
		if endBackground, err = d.background(ctx, url); err != nil {
			return r, err
		}
	}
	defer func() { err = errors.Join(err, endBackground()) }()
	ps := newProcesses()
	defer func() { err = errors.Join(err, ps.end(ctx)) }()
	for range max(1, d.processes) {
		if _, err := ps.start(ctx, b.process(ctx, d), b.options(d, url)); err != nil {
			return r, err
		}
	}
	before, err := b.readCounters(ctx, name)
	if err != nil {
		return r, err
	}
	c, err := b.follow(ctx, ps, d.target)
	if err != nil {
		return r, err
	}
	r.rate = float64(d.target) / c.reached(d.target).Sub(c[0].at).Seconds()
	r.slices = c.rates(b.slice(), d.target)
	r.quarters = c.rates((d.target+3)/4, d.target)
	r.rss = float64(ps.peak())

	err = errors.Join(ps.end(ctx), endBackground())
	endBackground = func() error { return nil }
	if err != nil {
		return r, err
	}
	if err := settle(ctx, b.setup.admin(), name); err != nil {
		return r, err
	}
	after, err := b.readCounters(ctx, name)
	if err != nil {
		return r, err
	}
	jobs := float64(ps.sum()) // also those that were under way when the clock stopped
	r.wal = (after.wal - before.wal) / jobs
	r.commits = (after.commits - before.commits) / jobs
	r.queries = (after.queries - before.queries) / jobs
	r.serverCPU = float64((after.cpu - before.cpu).Microseconds()) / jobs
	r.clientCPU = float64(ps.cpu().Microseconds()) / jobs
	return r, b.confirm(ctx, d, url)
}

func (b *Bench) process(ctx context.Context, d trial) *exec.Cmd {
	if d.fill.peer != "" {
		return b.peerProgram(ctx, d.fill.peer, "work")
	}
	return b.worker(ctx)
}

func (b *Bench) options(d trial, url string) any {
	if d.fill.peer != "" {
		return d.fill.peerOptions(url, d.processes)
	}
	o := d.options
	o.Database = url
	return o
}

// slice is the number of jobs whose rate is measured apart.
func (b *Bench) slice() int { return max(1, min(25_000, b.Jobs/4)) }

// follow begins the run, and returns how results were stored until there are
// enough of them.
func (b *Bench) follow(ctx context.Context, ps *processes, target int) (timeline, error) {
	begun := ps.begin()
	c := timeline{{begun, 0}}
	_, err := ps.await(ctx, func(m Message) bool {
		at, last, sum := time.Unix(0, m.At), c[len(c)-1], ps.sum()
		if sum > last.count {
			// A message of one process may arrive after a later one of another.
			c = append(c, stored{later(at, last.at), sum})
		}
		b.Show(min(sum, target), target, "working")
		return sum >= target
	})
	return c, err
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

const (
	// doneSQL counts jobs that are done, $1 is the last id of those that were done
	// before, and their attempts.
	doneSQL = `
SELECT (SELECT count(*) FROM tagexec.tag_jobs WHERE id > $1 AND state = 'succeeded'),
       (SELECT count(*) FROM tagexec.tag_job_attempts WHERE job_id > $1 AND outcome = 'succeeded')`

	insertedSQL = `SELECT count(*), count(*) FROM tagexec.tag_jobs WHERE id > $1`
)

// confirm checks that the tables hold all results that were reported.
func (b *Bench) confirm(ctx context.Context, d trial, url string) error {
	sql, arg := doneSQL, d.fill.finished
	switch {
	case d.fill.peer != "":
		sql, arg = "SELECT n, n FROM (SELECT $1::bigint - ("+peers[d.fill.peer].left+")) done (n)", d.fill.pending
	case d.options.Role == roleInsert:
		sql = insertedSQL
	}
	db, err := openPool(ctx, url)
	if err != nil {
		return err
	}
	defer db.Close()
	var jobs, attempts int
	if err := db.QueryRow(ctx, sql, arg).Scan(&jobs, &attempts); err != nil {
		return fmt.Errorf("count the results: %w", err)
	}
	if jobs < d.target || attempts != jobs {
		return fmt.Errorf("of %d jobs %d are there, with %d attempts: the figures of this run are worth nothing", d.target, jobs, attempts)
	}
	return nil
}
