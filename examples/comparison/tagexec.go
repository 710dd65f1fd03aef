package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/devpg"
)

// withTagexec runs the jobs as rows of a throwaway Postgres. What it needs
// beyond the other two (rows that outlive the process, a history, limits across
// hosts) is in its times.
func withTagexec(ctx context.Context, p parameters) (m measured, err error) {
	server, err := devpg.Start(ctx, devpg.Options{})
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	url := server.URL("postgres")
	if _, err := migrations.Up(ctx, url); err != nil {
		return m, err
	}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return m, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "INSERT INTO tagexec.tag_kinds (kind) VALUES ('sleep'), ('spin'), ('hold')"); err != nil {
		return m, err
	}
	l := &lab{url: url, conn: conn, p: p}
	for _, measure := range []func(context.Context, *measured) error{l.wall, l.memory, l.beside} {
		if err := measure(ctx, &m); err != nil {
			return m, err
		}
	}
	return m, nil
}

// lab is the database in which the jobs run.
type lab struct {
	url  string
	conn *pgx.Conn
	p    parameters
}

// wall takes the time from the insert to the last result.
func (l *lab) wall(ctx context.Context, m *measured) error {
	_, err := l.withPool(ctx, l.p.Workers, func() error {
		if _, err := l.conn.Exec(ctx, `
			INSERT INTO tagexec.tag_jobs (tag, kind, batch, payload)
			SELECT 'sleep', 'sleep', 'wall', jsonb_build_object('seconds', s) FROM unnest($1::float[]) WITH ORDINALITY u (s, n) ORDER BY n`, l.p.Sleeps); err != nil {
			return err
		}
		if err := l.settled(ctx, "wall"); err != nil {
			return err
		}
		return l.conn.QueryRow(ctx, `SELECT extract(epoch FROM max(finished_at) - min(created_at))::float FROM tagexec.tag_jobs WHERE batch = 'wall'`).Scan(&m.Wall)
	})
	return err
}

// memory compares the process before it has a pool and with as many jobs running.
func (l *lab) memory(ctx context.Context, m *measured) error {
	before, told := resident()
	_, err := l.withPool(ctx, l.p.InFlight, func() error {
		if _, err := l.conn.Exec(ctx, `INSERT INTO tagexec.tag_jobs (tag, kind, batch) SELECT 'hold', 'hold', 'memory' FROM generate_series(1, $1::int)`, l.p.InFlight); err != nil {
			return err
		}
		if err := l.until(ctx, `SELECT count(*) = $1 FROM tagexec.tag_jobs WHERE batch = 'memory' AND state = 'running'`, l.p.InFlight); err != nil {
			return err
		}
		if after, _ := resident(); told {
			each := (after - before) / float64(l.p.InFlight)
			m.Memory = &each
		}
		_, err := l.conn.Exec(ctx, `SELECT tagexec.cancel_batch('memory')`)
		return err
	})
	return err
}

// beside runs a job that computes, and looks how heartbeats and a neighbour fare.
func (l *lab) beside(ctx context.Context, m *measured) error {
	gaps, err := l.withPool(ctx, l.p.Workers, func() error {
		if _, err := l.conn.Exec(ctx, `
			INSERT INTO tagexec.tag_jobs (tag, kind, batch, payload, priority)
			VALUES ('spin', 'spin', 'beside', jsonb_build_object('seconds', $1::float), 9), ('neighbour', 'sleep', 'beside', '{"seconds": 0.1}', 5)`, l.p.Spin); err != nil {
			return err
		}
		if err := l.settled(ctx, "beside"); err != nil {
			return err
		}
		return l.conn.QueryRow(ctx, `SELECT extract(epoch FROM finished_at - created_at)::float FROM tagexec.tag_jobs WHERE batch = 'beside' AND tag = 'neighbour'`).Scan(&m.Neighbour)
	})
	m.Gap = gaps.Seconds()
	return err
}

// withPool calls do while a pool runs, and returns the longest time between
// two of its heartbeats.
func (l *lab) withPool(ctx context.Context, workers int, do func() error) (gap time.Duration, err error) {
	db, err := store.Open(l.url, "comparison")
	if err != nil {
		return 0, err
	}
	defer db.Close()
	kinds := executor.Runners{"sleep": executor.RunnerFunc(sleep), "spin": executor.RunnerFunc(spin), "hold": executor.RunnerFunc(hold)}
	queue := &timedQueue{Store: db, first: make(chan struct{})}
	pool, err := executor.New(queue, executor.Config{
		Runners: kinds, Workers: workers, Heartbeat: beat, Lease: 10 * time.Second, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return 0, err
	}
	working, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- pool.Run(working) }()
	select {
	case <-queue.first: // with its connection; only then is the time between two of them that of a pool at work
		err = do()
	case err = <-ended:
		close(ended)
	}
	longest := queue.longest() // stopping is not measured
	stop()
	return longest, errors.Join(err, <-ended)
}

func (l *lab) settled(ctx context.Context, batch string) error {
	return l.until(ctx, `SELECT tagexec.assert_batch_ok($1) IS NOT NULL WHERE tagexec.batch_settled($1)`, batch)
}

// until asks every few milliseconds.
func (l *lab) until(ctx context.Context, sql string, args ...any) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		var is bool
		if err := l.conn.QueryRow(ctx, sql, args...).Scan(&is); err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if is {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// timedQueue is a Queue that notes when its heartbeats have arrived.
type timedQueue struct {
	*store.Store
	first chan struct{} // closed with the first

	mu   sync.Mutex
	last time.Time
	most time.Duration
}

func (q *timedQueue) Register(ctx context.Context, e store.Executor) (store.Session, error) {
	s, err := q.Store.Register(ctx, e)
	return &timedSession{s, q}, err
}

// timedSession is a session whose heartbeats are noted.
type timedSession struct {
	store.Session
	queue *timedQueue
}

func (s *timedSession) Heartbeat(ctx context.Context) (drain bool, err error) {
	drain, err = s.Session.Heartbeat(ctx)
	if err == nil {
		s.queue.beat()
	}
	return drain, err
}

// beat notes a heartbeat.
func (q *timedQueue) beat() {
	q.longest()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.last.IsZero() {
		close(q.first)
	}
	q.last = time.Now()
}

// longest is the longest time between two heartbeats until now.
func (q *timedQueue) longest() time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.last.IsZero() {
		q.most = max(q.most, time.Since(q.last))
	}
	return q.most
}

func seconds(job *store.Job) (time.Duration, error) {
	var payload struct{ Seconds float64 }
	if err := json.Unmarshal(job.Payload, &payload); err != nil {
		return 0, fmt.Errorf("read the payload: %w", err)
	}
	return time.Duration(payload.Seconds * float64(time.Second)), nil
}

func sleep(ctx context.Context, job *store.Job) (executor.Report, error) {
	d, err := seconds(job)
	if err != nil {
		return executor.Report{}, err
	}
	select {
	case <-time.After(d):
		return executor.Report{}, nil
	case <-ctx.Done():
		return executor.Report{}, context.Cause(ctx)
	}
}

// spin computes, calls nothing that could yield but the clock, and never looks
// at its context.
func spin(_ context.Context, job *store.Job) (executor.Report, error) {
	d, err := seconds(job)
	for end, n := time.Now().Add(d), 0; err == nil && time.Now().Before(end); {
		for range 1_000_000 {
			n++
		}
	}
	return executor.Report{}, err
}

func hold(ctx context.Context, _ *store.Job) (executor.Report, error) {
	<-ctx.Done()
	return executor.Report{}, context.Cause(ctx)
}

// resident is the memory of this process in bytes, after what is not in use
// went back to the system; told is false where the system does not tell.
func resident() (bytes float64, told bool) {
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, false
	}
	pages, err := strconv.ParseFloat(strings.Fields(string(text))[1], 64)
	return pages * float64(os.Getpagesize()), err == nil
}
