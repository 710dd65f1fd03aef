package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const serverSQL = `
SELECT 'finding', format('PostgreSQL %s is older than 14, the oldest that works', current_setting('server_version')), 'Upgrade the server.'
 WHERE current_setting('server_version_num')::integer < 140000
UNION ALL
SELECT 'finding', 'the server is a standby: nothing can be claimed or recorded there', 'Let TAGEXEC_DATABASE_URL lead to the primary.'
 WHERE pg_is_in_recovery()
UNION ALL
SELECT 'finding', format('sessions of %I begin read-only', session_user), format('ALTER ROLE %I SET default_transaction_read_only = off.', session_user)
 WHERE current_setting('default_transaction_read_only')::boolean AND NOT pg_is_in_recovery()
UNION ALL
SELECT 'info', format('PostgreSQL %s, up since %s', current_setting('server_version'), date_trunc('second', pg_postmaster_start_time())), ''`

const clockSQL = `-- tagexec: diagnose clock
SELECT clock_timestamp()`

// checkClock measures how far this host's clock is from the server's. That is
// no finding: tagexec compares only times of the server.
func checkClock(ctx context.Context, _ *target, tx pgx.Tx) ([]Diagnosis, error) {
	var server time.Time
	before := time.Now()
	if err := tx.QueryRow(ctx, clockSQL).Scan(&server); err != nil {
		return nil, err
	}
	roundTrip := time.Since(before)
	skew := before.Add(roundTrip / 2).Sub(server)
	return info("this host's clock is %s, a round trip takes %s; tagexec compares only times of the server",
		aheadOrBehind(skew), roundTrip.Round(10*time.Microsecond)), nil
}

func aheadOrBehind(skew time.Duration) string {
	switch skew = skew.Round(time.Millisecond); {
	case skew > 0:
		return fmt.Sprintf("%s ahead of the server's", skew)
	case skew < 0:
		return fmt.Sprintf("%s behind the server's", -skew)
	}
	return "as the server's"
}

func checkPooler(_ context.Context, t *target, _ pgx.Tx) ([]Diagnosis, error) {
	if t.pooled {
		return info("the connection goes through a pooler in transaction mode: all works, but new jobs are seen at the next poll and not at once"), nil
	}
	return info("the connection is a session of the server, without a transaction pooler between"), nil
}
