package chaos

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/cmd/internal/wait"
)

const (
	locksHeld = "locks held by an analyst"
	analyst   = "chaos analyst" // its application_name
)

// Every advisory lock that the queue ever took, of what the jobs here name, and each
// that some other session holds now.
const (
	holdKnownSQL = `
		SELECT CASE WHEN $1 THEN pg_advisory_lock(k) ELSE pg_advisory_lock_shared(k) END
		  FROM (SELECT hashtextextended('tagexec ' || l, 0) AS k
		          FROM unnest('{prune,listening,pool narrow,pool wide,pool free,pool default}'::text[]) l) keys`

	holdSeenSQL = `
		SELECT pg_try_advisory_lock(l.classid::bigint << 32 | l.objid::bigint)
		  FROM pg_locks l
		  JOIN pg_database d ON d.oid = l.database
		 WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND d.datname = current_database() AND l.pid <> pg_backend_pid()`
)

// holdLocks is an analyst's session: it has no right on the queue, and holds what locks
// it can get.
func (b *testbed) holdLocks(ctx context.Context, random *rand.Rand) {
	for ctx.Err() == nil {
		if conn, err := pgx.Connect(ctx, b.Database); err == nil { // the server may be away
			b.hold(ctx, conn, random.IntN(2) == 0)
			_ = conn.Close(context.WithoutCancel(ctx))
		}
		wait.For(ctx, between(random, 100*time.Millisecond, time.Second))
	}
}

// hold holds locks until ctx or the connection ends.
func (b *testbed) hold(ctx context.Context, conn *pgx.Conn, alone bool) {
	if _, err := conn.Exec(ctx, "SET ROLE tagexec_analyst; SET application_name = '"+analyst+"'; SET lock_timeout = '5s'"); err != nil {
		return
	}
	if _, err := conn.Exec(ctx, holdKnownSQL, alone); err != nil {
		return
	}
	b.faults.add(locksHeld)
	for ctx.Err() == nil {
		if _, err := conn.Exec(ctx, holdSeenSQL); err != nil {
			return
		}
		wait.For(ctx, 20*time.Millisecond)
	}
}

// Who waits for the analyst.
const waitsForAnalystSQL = `-- chaos: waits
SELECT 'waits_for_analyst' AS rule, format('%s waits for a lock of the analyst: %s', w.application_name, left(w.query, 60)) AS detail
  FROM pg_stat_activity w
  JOIN pg_stat_activity h ON h.application_name = '` + analyst + `' AND h.pid = ANY (pg_blocking_pids(w.pid))`
