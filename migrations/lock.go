package migrations

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// lockKey is the advisory lock that lets one process at a time migrate:
// the bytes of "tagexec" as a number.
const lockKey = 0x74616765786563

const (
	// lockInterval is the time between two tries to take the lock.
	lockInterval = 100 * time.Millisecond
	// lockPatience is how long it is tried. Any login can take it and keep it.
	lockPatience = time.Minute
)

// takeLock returns a transaction that holds the advisory lock until it ends.
// It is a transaction and not a session so that it is ours also behind a pooler,
// which must have a second connection for the migrations; and nobody waits for
// the lock in the server, because there the waiting would take up those.
// If it gets none, the error names who holds it.
func takeLock(ctx context.Context, db *sql.DB) (*sql.Tx, error) {
	retry := time.NewTicker(lockInterval)
	defer retry.Stop()
	patience := time.NewTimer(lockPatience)
	defer patience.Stop()
	for {
		tx, locked, err := tryLock(ctx, db)
		if err == nil && locked {
			return tx, nil
		}
		if err != nil && ctx.Err() == nil {
			return nil, err
		}
		select {
		case <-retry.C:
			if ctx.Err() == nil {
				continue
			}
		case <-patience.C:
		case <-ctx.Done():
		}
		return nil, errors.Join(lockHeld(ctx, db), context.Cause(ctx))
	}
}

func tryLock(ctx context.Context, db *sql.DB) (_ *sql.Tx, locked bool, err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, false, err
	}
	defer func() {
		if !locked {
			_ = tx.Rollback() // the first error is the one to tell
		}
	}()
	err = tx.QueryRowContext(ctx, "SELECT pg_catalog.pg_try_advisory_xact_lock($1)", int64(lockKey)).Scan(&locked)
	if err != nil || !locked {
		return nil, false, err
	}
	// While the migrations run, this transaction is idle. This statement without
	// parameters also ends the one before in the server, whose snapshot would keep an
	// index that is built concurrently waiting for ever.
	_, err = tx.ExecContext(ctx, "SET LOCAL idle_in_transaction_session_timeout = 0")
	locked = err == nil
	return tx, locked, err
}

const lockHolderSQL = `
SELECT format('%I (process %s, application "%s")', a.usename, a.pid, a.application_name)
  FROM pg_catalog.pg_locks l
  JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
  JOIN pg_catalog.pg_database d ON d.oid = l.database AND d.datname = current_database()
 WHERE l.locktype = 'advisory'
   AND l.granted
   AND l.classid = ($1::bigint >> 32)::oid
   AND l.objid = ($1::bigint & 4294967295)::oid
   AND l.objsubid = 1`

// lockHeld is the error that names the session which holds the lock.
func lockHeld(ctx context.Context, db *sql.DB) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	holder := "a session that has just ended"
	err := inTx(ctx, db, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, lockHolderSQL, int64(lockKey)).Scan(&holder)
	})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	return refusef("the lock that lets one process at a time migrate is held by %s: wait until that has ended, or end it with pg_terminate_backend", holder)
}
