package bench

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/store"
)

const (
	// listenSQL has a session be notified of new jobs, as an idle executor is.
	listenSQL = `LISTEN tagexec; SELECT pg_try_advisory_lock_shared(hashtextextended('tagexec listening', 0::bigint))`

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

// latencyFloor is what the machine and the database can do: one session is
// notified of the job, another claims it, and it has started.
func (w *worker) latencyFloor(started chan<- time.Time) (role, func(), error) {
	st, err := store.Open(w.Database, "tagexec-bench floor")
	if err != nil {
		return nil, nil, err
	}
	return func(ctx context.Context) error { return w.claimOnes(ctx, st, started) }, st.Close, nil
}

func (w *worker) claimOnes(ctx context.Context, st *store.Store, started chan<- time.Time) error {
	var (
		sessions [2]*pgx.Conn
		err      error
	)
	for i := range sessions {
		if sessions[i], err = connect(ctx, w.Database, map[string]string{"plan_cache_mode": "force_generic_plan"}); err != nil {
			return err
		}
		defer sessions[i].Close(context.WithoutCancel(ctx))
	}
	listener, claimer := sessions[0], sessions[1]
	e := floorExecutor(1)
	session, err := st.Register(ctx, e)
	if err != nil {
		return err
	}
	if _, err := listener.PgConn().Exec(ctx, listenSQL).ReadAll(); err != nil {
		return err
	}
	for {
		var c store.Claim
		err := claimer.QueryRow(ctx, claimOneSQL, session.ID()).Scan(&c.ID, &c.Attempt, &c.Executor)
		if errors.Is(err, pgx.ErrNoRows) {
			if _, err := listener.WaitForNotification(ctx); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		started <- time.Now()
		if _, err := st.Record(ctx, []store.Result{{Claim: c, Outcome: store.Succeeded}}); err != nil {
			return err
		}
	}
}
