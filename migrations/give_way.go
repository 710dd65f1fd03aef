package migrations

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jackc/pgerrcode"
)

const (
	// stepPatience is how long a step is tried that cannot get its locks.
	stepPatience = 10 * time.Minute
	// stepPause is the time between two tries, doubled each time up to maxStepPause:
	// whoever queued behind the try has its turn.
	stepPause    = time.Second
	maxStepPause = 8 * time.Second
)

// giveWay does a step, a transaction of its own, until it gets its locks. Each try
// waits for them no longer than our lock_timeout, because inserts and claims queue
// behind it. It says who is in the way, once and in the error with which it gives up.
func (d *database) giveWay(ctx context.Context, step func() error) error {
	patience := time.Now().Add(stepPatience)
	for pause := stepPause; ; pause = min(2*pause, maxStepPause) {
		err := step()
		if c := code(err); c != pgerrcode.LockNotAvailable && c != pgerrcode.DeadlockDetected {
			return err
		}
		blockers, askErr := d.blockers(ctx)
		if askErr != nil {
			return errors.Join(err, askErr)
		}
		if time.Now().After(patience) {
			return refusef("no lock within %s. In the way: %s", stepPatience, blockers)
		}
		if pause == stepPause {
			tellAll(d.tell, "waits for a lock and tries again; inserts and jobs go on. In the way: "+blockers)
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

// Who holds a lock on our tables and views, that with the oldest transaction first.
// What a login may not see of other logins is left out.
const blockersSQL = `
SELECT format('%I (process %s, application "%s"%s) with %s', a.usename, a.pid, a.application_name,
              ', since ' || to_char(a.xact_start, 'HH24:MI:SS'), string_agg(DISTINCT l.relation::regclass::text, ' ' ORDER BY l.relation::regclass::text))
  FROM pg_catalog.pg_locks l
  JOIN pg_catalog.pg_class c ON c.oid = l.relation AND c.relkind IN ('r', 'v')
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname IN ('tagexec', 'tagreport')
  JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
  JOIN pg_catalog.pg_database d ON d.oid = l.database AND d.datname = current_database()
 WHERE l.granted
   AND l.pid <> pg_backend_pid()
 GROUP BY a.usename, a.pid, a.application_name, a.xact_start
 ORDER BY a.xact_start
 LIMIT 6`

func (d *database) blockers(ctx context.Context) (names string, err error) {
	err = inTx(ctx, d.db, func(tx *sql.Tx) (err error) {
		names, err = list(tx.QueryContext(ctx, blockersSQL))
		return err
	})
	if names == "" {
		names = "nobody any more"
	}
	return names, err
}
