package bench

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

const (
	// latencyPoll is the executor's default, written down because the pauses
	// between inserts depend on it.
	latencyPoll = 250 * time.Millisecond

	// latencyLimit is how long a job may take to start.
	latencyLimit = 30 * time.Second
)

// latency is an executor or its floor, and in the same process, so by the same
// clock, a producer that inserts a job whenever the executor has been idle for
// longer than it polls.
func (w *worker) latency(ctx context.Context) (role, func(), error) {
	conn, err := pgx.Connect(ctx, w.Database)
	if err != nil {
		return nil, nil, err
	}
	started := make(chan time.Time, 1)
	start := w.latencyEngine
	if w.Role == roleLatencyFloor {
		start = w.latencyFloor
	}
	run, close, err := start(started)
	done := func() { _ = conn.Close(context.WithoutCancel(ctx)) }
	if err != nil {
		done()
		return nil, nil, err
	}
	do := func(ctx context.Context) error {
		both, ctx := errgroup.WithContext(ctx)
		both.Go(func() error { return run(ctx) })
		both.Go(func() error { return w.timeInserts(ctx, conn, started) })
		return both.Wait()
	}
	return do, func() { close(); done() }, nil
}

func (w *worker) latencyEngine(started chan<- time.Time) (role, func(), error) {
	w.Poll = latencyPoll
	pool, close, err := w.pool(func(context.Context, store.Job) (executor.Outcome, error) {
		started <- time.Now()
		return executor.Outcome{}, nil
	})
	if err != nil {
		return nil, nil, err
	}
	return pool.Run, close, nil
}

const (
	// hearSQL lets a session hear of new jobs, as an executor that sleeps does.
	hearSQL = `LISTEN tagexec; SELECT pg_advisory_lock_shared(hashtextextended('tagexec asleep', 0::bigint))`

	// claimOneSQL is the least that a claim can be.
	claimOneSQL = `
UPDATE tagexec.tag_jobs
   SET state = 'running', attempt = attempt + 1, executor_id = $1,
       started_at = now(), finished_at = NULL, deadline_at = now() + interval '1 h'
 WHERE id = (SELECT id
               FROM tagexec.tag_jobs
              WHERE state = 'pending' AND mutex_key IS NULL AND pool = 'default' AND priority = 5 AND run_at <= now()
              ORDER BY run_at, id
              LIMIT 1
                FOR UPDATE SKIP LOCKED)
RETURNING id, attempt, executor_id`
)

// latencyFloor is what the machine and the database can do: one session hears
// of the job, another claims it, and it has started.
func (w *worker) latencyFloor(started chan<- time.Time) (role, func(), error) {
	st, err := store.Open(w.Database, "tagexec bench floor")
	if err != nil {
		return nil, nil, err
	}
	return func(ctx context.Context) error { return w.claimOnes(ctx, st, started) }, st.Close, nil
}

func (w *worker) claimOnes(ctx context.Context, st *store.Store, started chan<- time.Time) error {
	config, err := pgx.ParseConfig(w.Database)
	if err != nil {
		return err
	}
	config.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
	var sessions [2]*pgx.Conn
	for i := range sessions {
		if sessions[i], err = pgx.ConnectConfig(ctx, config); err != nil {
			return err
		}
		defer sessions[i].Close(context.WithoutCancel(ctx))
	}
	ears, hands := sessions[0], sessions[1]
	e := floorExecutor(1)
	if err := st.Register(ctx, e); err != nil {
		return err
	}
	if _, err := ears.PgConn().Exec(ctx, hearSQL).ReadAll(); err != nil {
		return err
	}
	for {
		var c store.Claim
		err := hands.QueryRow(ctx, claimOneSQL, e.ID).Scan(&c.ID, &c.Attempt, &c.Executor)
		if errors.Is(err, pgx.ErrNoRows) {
			if _, err := ears.WaitForNotification(ctx); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		started <- time.Now()
		if _, err := st.Record(ctx, e.Hostname, []store.Result{{Claim: c, Outcome: store.Succeeded}}); err != nil {
			return err
		}
	}
}

func (w *worker) timeInserts(ctx context.Context, conn *pgx.Conn, started <-chan time.Time) error {
	var waits []float64
	for n := range w.Jobs + 1 {
		if _, err := conn.Exec(ctx, singleSQL, n, "daily_tags/2026-01-01", singlePayload); err != nil {
			return err
		}
		inserted := time.Now()
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(latencyLimit):
			return errors.New("a job did not start within " + latencyLimit.String())
		case at := <-started:
			if n > 0 { // the first finds an executor that has just begun
				waits = append(waits, max(0, at.Sub(inserted).Seconds()*1000))
				w.tell(Message{Running: n})
			}
		}
		pause(ctx, latencyPoll+latencyPoll/2+rand.N(latencyPoll))
	}
	w.tell(Message{Waits: waits})
	return nil
}
