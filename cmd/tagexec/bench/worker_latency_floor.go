package bench

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/store"
)

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
