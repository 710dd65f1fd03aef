package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// The advisory lock tells whoever inserts jobs that somebody listens. It is
// shared by all who sleep, and falls with the session.
const (
	fallAsleepSQL = `-- tagexec: fall asleep
LISTEN tagexec; SELECT pg_advisory_lock_shared(hashtextextended('tagexec asleep', 0::bigint))`

	wakeUpSQL = `-- tagexec: wake up
UNLISTEN tagexec; SELECT pg_advisory_unlock_shared(hashtextextended('tagexec asleep', 0::bigint))`
)

const (
	// napTimeout limits each of them: a process may be ending meanwhile.
	napTimeout = time.Second

	// overslept is how long a nap outlasts its news at most: producers pay for
	// announcing what nobody waits for.
	overslept = time.Second
)

// Nap calls asleep as soon as new jobs would be announced to this session, and
// wake once, when the first were: jobs that were committed before asleep are
// not announced. It lasts until ctx ends, which is no error, so that whoever is
// woken can claim first; but not for long after it has called wake. Behind a
// pooler, which passes nothing on, it only waits for the end of ctx. Jobs that
// become due, or can run because another ended, are not announced. One call at
// a time.
func (q *Queue) Nap(ctx context.Context, asleep, wake func()) error {
	conn, err := q.ears.Acquire(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("connect to listen for new jobs: %w", err)
	}
	defer conn.Release()
	if throughPooler(conn.Conn()) {
		<-ctx.Done()
		return nil
	}
	if err := script(ctx, conn, fallAsleepSQL); err != nil {
		return fmt.Errorf("listen for new jobs: %w", err)
	}
	asleep()
	if _, err = conn.Conn().WaitForNotification(ctx); err == nil {
		wake()
		held, cancel := context.WithTimeout(ctx, overslept)
		<-held.Done()
		cancel()
	} else if ctx.Err() != nil {
		err = nil
	}
	if wakeErr := script(ctx, conn, wakeUpSQL); err == nil {
		err = wakeErr
	}
	if err != nil {
		return fmt.Errorf("listen for new jobs: %w", err)
	}
	// What was announced until then is no news at the next nap.
	over, cancel := context.WithCancel(ctx)
	cancel()
	for err == nil {
		_, err = conn.Conn().WaitForNotification(over)
	}
	return nil
}

// script runs several statements without parameters in one transaction,
// whether ctx has ended or not: a cancel would cost the connection.
func script(ctx context.Context, conn *pgxpool.Conn, sql string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), napTimeout)
	defer cancel()
	_, err := conn.Conn().PgConn().Exec(ctx, sql).ReadAll()
	return err
}
