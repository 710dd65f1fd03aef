package doctor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// check is one question to the database: either a statement that returns rows
// of level, detail and remedy, or a function.
type check struct {
	name        string
	sql         string
	run         func(context.Context, *target, pgx.Tx) ([]Diagnosis, error)
	ok          string // the detail if nothing was found
	needsSchema bool
}

var checks = []check{
	{name: "server", sql: serverSQL},
	{name: "clock", run: checkClock},
	{name: "pooler", run: checkPooler},
	{name: "schema", run: checkSchema},
	{name: "roles", sql: rolesSQL, ok: "the group roles exist and have their rights", needsSchema: true},
	{name: "login", run: checkLogin, needsSchema: true},
	{name: "vacuum_horizon", run: checkHorizon, ok: "no old snapshot holds back vacuum", needsSchema: true},
	{name: "autovacuum", sql: autovacuumSQL, ok: "autovacuum is on, and the tables have their settings", needsSchema: true},
	{name: "sequences", run: checkSequences, ok: "every sequence is ahead of its table and has numbers left", needsSchema: true},
	{name: "indexes", run: checkIndexes, ok: "the indexes of claims know every unfinished job", needsSchema: true},
	{name: "pending", sql: pendingSQL, ok: "every due job has a live executor that takes it", needsSchema: true},
	{name: "unwritable", sql: unwritableSQL, ok: "Postgres refuses to change no job's row", needsSchema: true},
	{name: "pools", sql: poolsSQL, ok: "no pool has more in use than its slots", needsSchema: true},
	{name: "executors", sql: executorsSQL, ok: "every executor lives, stopped or was reaped", needsSchema: true},
	{name: "unavailable", sql: unavailableSQL, ok: "every living executor can use what its jobs need", needsSchema: true},
	{name: "deadlines", sql: deadlinesSQL, ok: "no running job is far past its deadline", needsSchema: true},
	{name: "invariants", run: checkInvariants, ok: "the tables keep every promise that can be read from them", needsSchema: true},
}

// checkTimeout is the limit of one check: on a huge table some would read for
// long, and their snapshots would hold back vacuum.
const checkTimeout = 20 * time.Second

// answerTimeout is how much longer the server's answer may take, before the
// connection is given up.
const answerTimeout = 5 * time.Second

// begin begins the transaction of one check. Each check has its own, so that
// one which fails leaves the others, and no setting stays in a pooler's session.
var begin = fmt.Sprintf("BEGIN READ ONLY; SET LOCAL statement_timeout = %d; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL jit = off; SET LOCAL search_path = pg_catalog", checkTimeout.Milliseconds())

// on makes the check on t. An error means that no further check can be made.
func (c check) on(ctx context.Context, conn *pgx.Conn, t *target) (list []Diagnosis, err error) {
	bound, cancel := context.WithTimeout(ctx, checkTimeout+answerTimeout)
	defer cancel()
	err = pgx.BeginTxFunc(bound, conn, pgx.TxOptions{BeginQuery: begin}, func(tx pgx.Tx) (err error) {
		if c.run != nil {
			list, err = c.run(bound, t, tx)
		} else {
			list, err = collect(tx.Query(bound, t.names.Replace("-- tagexec: diagnose "+c.name+c.sql)))
		}
		return err
	})
	var pg *pgconn.PgError
	switch {
	case err == nil:
	case conn.IsClosed() || !errors.As(err, &pg):
		return nil, err
	case pg.Code == pgerrcode.QueryCanceled && ctx.Err() == nil:
		list = unknown("it took longer than %s", checkTimeout)
	case pg.Code == pgerrcode.InsufficientPrivilege:
		list = unknown("this login may not (%s)", pg.Message)
	default:
		list = unknown("%s", pg.Message)
	}
	if len(list) == 0 {
		list = []Diagnosis{{Level: OK, Detail: c.ok}}
	}
	for i := range list {
		list[i].Check = c.name
	}
	return list, nil
}

// collect reads the rows of a check's statement.
func collect(rows pgx.Rows, err error) ([]Diagnosis, error) {
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (d Diagnosis, err error) {
		err = row.Scan(&d.Level, &d.Detail, &d.Remedy)
		return d, err
	})
}

// unknown is what is said about a check that could not be made.
func unknown(format string, args ...any) []Diagnosis {
	return []Diagnosis{{Level: Unknown, Detail: "not looked at: " + fmt.Sprintf(format, args...)}}
}

// info is what is said about something that is good to know.
func info(format string, args ...any) []Diagnosis {
	return []Diagnosis{{Level: Info, Detail: fmt.Sprintf(format, args...)}}
}
