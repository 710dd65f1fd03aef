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
		err := d.watched(ctx, step)
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

// watched does a step. A statement outside a transaction, such as one that builds an
// index, waits without end for transactions that are older, and is in nobody's way:
// it says for whom.
func (d *database) watched(ctx context.Context, step func() error) error {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.watch(ctx)
	}()
	defer func() { cancel(); <-done }()
	return step()
}

// watch says for whom sessions of ours wait, when it finds that twice.
func (d *database) watch(ctx context.Context) {
	look := time.NewTicker(stepPause)
	defer look.Stop()
	var last, told string
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		awaited, err := d.list(ctx, awaitedSQL)
		if err == nil && awaited != "" && awaited == last && awaited != told {
			tellAll(d.tell, "waits; inserts and jobs go on. In the way: "+awaited)
			told = awaited
		}
		last = awaited
	}
}

// Transactions that were prepared for a commit later, and hold a lock on our tables.
const preparedSQL = `
SELECT format('the prepared transaction %L of %I, since %s', p.gid, p.owner, to_char(p.prepared, 'HH24:MI:SS')), p.prepared
  FROM pg_catalog.pg_prepared_xacts p
 WHERE p.database = current_database()
   AND EXISTS (SELECT
                 FROM pg_catalog.pg_locks own
                 JOIN pg_catalog.pg_locks l USING (virtualtransaction)
                 JOIN pg_catalog.pg_class c ON c.oid = l.relation
                 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname IN ('tagexec', 'tagreport')
                WHERE own.transactionid = p.transaction AND own.granted AND own.pid IS NULL AND l.pid IS NULL)`

// Who a session of ours waits for.
const awaitedSQL = `
WITH awaited AS (
    SELECT DISTINCT b.pid
      FROM pg_catalog.pg_stat_activity w
     CROSS JOIN unnest(pg_blocking_pids(w.pid)) AS b (pid)
     WHERE w.application_name = current_setting('application_name')
       AND w.datname = current_database()
), blockers (blocker, since) AS (
    SELECT format('%I (process %s, application "%s"%s)', a.usename, a.pid, a.application_name, ', since ' || to_char(a.xact_start, 'HH24:MI:SS')), a.xact_start
      FROM awaited
      JOIN pg_catalog.pg_stat_activity a USING (pid)
     UNION ALL
    SELECT * FROM (` + preparedSQL + `) p WHERE EXISTS (SELECT FROM awaited WHERE pid = 0)
)
SELECT blocker FROM blockers ORDER BY since LIMIT 6`

// Who holds a lock on our tables and views, that with the oldest transaction first.
// What a login may not see of other logins is left out.
const blockersSQL = `
WITH blockers (blocker, since) AS (
    SELECT format('%I (process %s, application "%s"%s) with %s', a.usename, a.pid, a.application_name,
                  ', since ' || to_char(a.xact_start, 'HH24:MI:SS'), string_agg(DISTINCT l.relation::regclass::text, ' ' ORDER BY l.relation::regclass::text)),
           a.xact_start
      FROM pg_catalog.pg_locks l
      JOIN pg_catalog.pg_class c ON c.oid = l.relation AND c.relkind IN ('r', 'v')
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname IN ('tagexec', 'tagreport')
      JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
      JOIN pg_catalog.pg_database d ON d.oid = l.database AND d.datname = current_database()
     WHERE l.granted
       AND l.pid <> pg_backend_pid()
     GROUP BY a.usename, a.pid, a.application_name, a.xact_start
     UNION ALL` + preparedSQL + `
)
SELECT blocker FROM blockers ORDER BY since LIMIT 6`

func (d *database) blockers(ctx context.Context) (string, error) {
	names, err := d.list(ctx, blockersSQL)
	if names == "" {
		names = "nobody any more"
	}
	return names, err
}

// list returns what a statement finds as a list in words.
func (d *database) list(ctx context.Context, statement string) (names string, err error) {
	err = inTx(ctx, d.db, func(tx *sql.Tx) (err error) {
		names, err = list(tx.QueryContext(ctx, statement))
		return err
	})
	return names, err
}
