package store

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// The advisory lock is a flag that tells the insert trigger that some executor
// listens. All that listen share it, and it falls with the session. Nobody waits for
// it: while another session, which may be a stranger's, has it for itself, the flag
// is up as well.
const (
	listenSQL = `-- tagexec: listen
LISTEN tagexec; ` + raiseFlag

	raiseFlagSQL = `-- tagexec: raise the listening flag
` + raiseFlag

	unlistenSQL = `-- tagexec: unlisten
UNLISTEN tagexec; SELECT pg_advisory_unlock_all()`

	raiseFlag = `SELECT pg_try_advisory_lock_shared(hashtextextended('tagexec listening', 0::bigint))`
)

const (
	// listenTimeout limits each of them: the process may be ending meanwhile. A slow
	// link may need most of it for one answer.
	listenTimeout = 3 * time.Second

	// The flag is tried again after flagPause, which is doubled each time. An insert
	// that tries the flag has it for less than insertsFlag, a stranger for as long as
	// he likes.
	flagPause    = 5 * time.Millisecond
	insertsFlag  = 20 * time.Millisecond
	maxFlagPause = time.Second
)

// Listen calls listening as soon as new jobs would be announced to this
// session, and notified whenever some are. Jobs that were committed before
// listening was called are not announced. Listen lasts until ctx ends, which is no
// error; end it when it is of no use, because each announcement costs a producer a
// lock at commit. Behind a pooler, which passes no announcement on, it only waits for
// the end of ctx. Jobs that become due, or can run because another ended, are not
// announced. One call at a time.
func (s *session) Listen(ctx context.Context, listening, notified func()) error {
	conn, err := s.listenPool.Acquire(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("connect to listen for new jobs: %w", err)
	}
	defer conn.Release()
	if behindPooler(conn.Conn()) {
		<-ctx.Done()
		return nil
	}
	raised, err := script(ctx, conn, listenSQL)
	if err != nil {
		return fmt.Errorf("listen for new jobs: %w", err)
	}
	err = awaitNotification(ctx, conn, raised, sync.OnceFunc(listening))
	for err == nil {
		s.lanes.notified.Store(true)
		notified()
		_, err = conn.Conn().WaitForNotification(ctx)
	}
	if ctx.Err() != nil {
		err = nil
	}
	if _, unlistenErr := script(ctx, conn, unlistenSQL); err == nil {
		err = unlistenErr
	}
	if err != nil {
		return fmt.Errorf("listen for new jobs: %w", err)
	}
	// Drop notifications that arrived meanwhile; they would end the next wait at once.
	over, cancel := context.WithCancel(ctx)
	cancel()
	for err == nil {
		_, err = conn.Conn().WaitForNotification(over)
	}
	return nil
}

// awaitNotification waits for a notification. It tries to raise the flag until that
// succeeds, and calls listening once the flag is up.
func awaitNotification(ctx context.Context, conn *pgxpool.Conn, raised bool, listening func()) (err error) {
	for pause := flagPause; !raised; pause = min(2*pause, maxFlagPause) {
		if pause > insertsFlag {
			listening() // it is up, in the hands of a stranger
		}
		bound, cancel := context.WithTimeout(ctx, pause)
		_, err = conn.Conn().WaitForNotification(bound)
		over := bound.Err() != nil && ctx.Err() == nil
		cancel()
		if err == nil || !over {
			return err
		}
		if raised, err = script(ctx, conn, raiseFlagSQL); err != nil {
			return err
		}
	}
	listening()
	_, err = conn.Conn().WaitForNotification(ctx)
	return err
}

// script runs several statements without parameters in one transaction,
// whether ctx has ended or not: a cancel would cost the connection. It reports
// whether the last one returned true.
func script(ctx context.Context, conn *pgxpool.Conn, sql string) (bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), listenTimeout)
	defer cancel()
	results, err := conn.Conn().PgConn().Exec(ctx, sql).ReadAll()
	if err != nil {
		return false, err
	}
	rows := results[len(results)-1].Rows
	return len(rows) == 1 && string(rows[0][0]) == "t", nil
}
