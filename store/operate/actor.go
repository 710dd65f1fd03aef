package operate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tagexec/tagexec/store/postgres"
	"github.com/tagexec/tagexec/store/report"
)

const (
	// statementLimit ends a verb on the server: one for a large batch takes long.
	statementLimit = time.Minute
	// answerTime is how much longer the answer may take to arrive.
	answerTime = 3 * time.Second
	// connections is how many verbs are done at the same time.
	connections = 2
	// role may do what is here.
	role = "tagexec_operator"
)

// Config says which queue is acted on.
type Config struct {
	URL         string // of the database, as store.Open takes it
	Application string // what the sessions call themselves
}

// Actor acts on a queue. Its methods may be called concurrently. Their errors are a
// *report.RefusedError if the login may not, and a *report.MissingError if what is acted
// on is not there.
type Actor struct {
	database *postgres.Database
	pool     *postgres.Pool
	begin    string
}

// Order is what is put on record with an action.
type Order struct {
	Reason string
	UIUser string // who stands behind the login, as the caller knows
	BulkID string // a UUID that is common to the actions that are parts of one; "" for none
	Filter string // how the jobs of a part were chosen
}

// Open connects lazily, as report.Open does.
func Open(c Config) (*Actor, error) {
	database, err := postgres.Queue(c.URL)
	if err != nil {
		return nil, err
	}
	pool, err := database.Pool(database.Name(c.Application), connections, func(config *pgxpool.Config) {
		config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec // a pooler may change the session
	})
	if err != nil {
		return nil, err
	}
	return &Actor{database, pool, begin}, nil
}

// As returns an actor on the same connections that acts with the rights of a group role,
// of which the login must be a member.
func (a *Actor) As(role string) *Actor {
	other := *a
	other.begin = begin + "; SET LOCAL ROLE " + pgx.Identifier{role}.Sanitize()
	return &other
}

// Close closes the connections, also those of actors that As returned.
func (a *Actor) Close() { a.pool.Close() }

var begin = fmt.Sprintf("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL statement_timeout = %d; SET LOCAL lock_timeout = '10s'; SET LOCAL jit = off; SET LOCAL search_path = pg_catalog",
	statementLimit.Milliseconds())

const orderSQL = `-- tagexec: note order
SELECT set_config('tagexec.reason', @reason::text, true),
       set_config('tagexec.ui_user', @ui_user::text, true),
       set_config('tagexec.bulk_id', @bulk_id::text, true),
       set_config('tagexec.filter', @filter::text, true)`

// act does one thing, on record as ordered. doing is what it is called in an error.
func (a *Actor) act(ctx context.Context, doing string, o Order, do func(context.Context, pgx.Tx) error) error {
	bounded, cancel := context.WithTimeout(ctx, statementLimit+answerTime)
	defer cancel()
	err := pgx.BeginTxFunc(bounded, a.pool, pgx.TxOptions{BeginQuery: a.begin}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(bounded, orderSQL, pgx.StrictNamedArgs{"reason": o.Reason, "ui_user": o.UIUser, "bulk_id": o.BulkID, "filter": o.Filter}); err != nil {
			return err
		}
		return do(bounded, tx)
	})
	var (
		pg      *pgconn.PgError
		missing *report.MissingError
	)
	switch {
	case err == nil, errors.As(err, &missing):
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &pg) && pg.Code == pgerrcode.InsufficientPrivilege:
		return &report.RefusedError{Doing: doing, Role: role, Err: err}
	case errors.As(err, &pg) && pg.Code == pgerrcode.NoDataFound:
		return report.Missing("%s", pg.Message)
	}
	return a.database.Locate(fmt.Errorf("%s: %w", doing, err))
}

// reason is what a function takes: none is NULL.
func (o Order) reason() *string {
	if o.Reason == "" {
		return nil
	}
	return &o.Reason
}

// value sends a statement that returns one value.
func value[T any](ctx context.Context, a *Actor, doing string, o Order, sql string, args pgx.StrictNamedArgs) (v T, err error) {
	err = a.act(ctx, doing, o, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, sql, args).Scan(&v)
	})
	return v, err
}
