// Package migrations is the schema, in order: SQL files that goose applies.
// They are embedded, so the binary brings the schema it was built for. A
// released file is never edited; a change is a new file.
package migrations

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

//go:embed *.sql
var files embed.FS

// versionTable is where goose notes what it applied; it is ours, so it lies in
// our schema.
const versionTable = "tagexec.goose_db_version"

// lockKey is the advisory lock that lets one process at a time migrate:
// the bytes of "tagexec" as a number.
const lockKey = 0x74616765786563

// Status is one migration and when it was applied; the zero time means it is
// pending.
type Status struct {
	Version   int64
	File      string
	AppliedAt time.Time
}

// Up applies what is missing and returns the files it applied. Processes that
// call it at the same time wait for each other; the later ones find nothing
// to do. Each of tell is told what a migration could not do and an
// administrator has to, such as make a role.
func Up(ctx context.Context, url string, tell ...func(notice string)) ([]string, error) {
	var applied []string
	err := with(ctx, url, tell, func(p *goose.Provider, _ *sql.DB) error {
		results, err := p.Up(ctx)
		for _, r := range results {
			applied = append(applied, r.Source.Path)
		}
		return err
	})
	if err != nil {
		return applied, fmt.Errorf("migrate up: %w", err)
	}
	return applied, nil
}

// Down takes back the latest migration, or with all every one, and returns
// the files it took back. The data of the tables it drops is lost.
func Down(ctx context.Context, url string, all bool) ([]string, error) {
	var undone []string
	err := with(ctx, url, nil, func(p *goose.Provider, db *sql.DB) error {
		for {
			r, err := p.Down(ctx)
			if errors.Is(err, goose.ErrNoNextVersion) {
				break
			}
			if err != nil {
				return err
			}
			undone = append(undone, r.Source.Path)
			if !all {
				break
			}
		}
		version, err := p.GetDBVersion(ctx)
		if err != nil || version > 0 {
			return err
		}
		// Nothing is left of ours but goose's own table: leave the database as it was found.
		_, err = db.ExecContext(ctx, "DROP TABLE "+versionTable+"; DROP SCHEMA tagexec")
		return err
	})
	if err != nil {
		return undone, fmt.Errorf("migrate down: %w", err)
	}
	return undone, nil
}

// List returns every migration of this binary in order, with the time it was
// applied to the database at url.
func List(ctx context.Context, url string) ([]Status, error) {
	var list []Status
	err := with(ctx, url, nil, func(p *goose.Provider, _ *sql.DB) error {
		all, err := p.Status(ctx)
		for _, s := range all {
			list = append(list, Status{Version: s.Source.Version, File: s.Source.Path, AppliedAt: s.AppliedAt})
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the state of the migrations: %w", err)
	}
	return list, nil
}

// raisedNotice is the SQLSTATE of a notice that a migration raises, unlike those
// of the server, such as that a schema exists already.
const raisedNotice = "00000"

// with calls do with a goose provider while it holds the advisory lock.
func with(ctx context.Context, url string, tell []func(string), do func(*goose.Provider, *sql.DB) error) (err error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return err
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec // named statements get lost behind a pooler
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if n.Code != raisedNotice {
			return
		}
		for _, t := range tell {
			t(n.Message)
		}
	}
	db := stdlib.OpenDB(*config)
	defer func() { err = errors.Join(err, db.Close()) }()
	lock, err := takeLock(ctx, db)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Rollback() }() // nothing was written in it
	if _, err := db.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS tagexec"); err != nil {
		return err
	}
	store, err := database.NewStore(database.DialectPostgres, versionTable)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider("", db, files, goose.WithStore(store))
	if err != nil {
		return err
	}
	return do(provider, db)
}

// lockInterval is the time between two tries to take the lock.
const lockInterval = 100 * time.Millisecond

// takeLock returns a transaction that holds the advisory lock until it ends.
// It is a transaction and not a session so that it is ours also behind a pooler,
// which must have a second connection for the migrations; and nobody waits for
// the lock in the server, because there the waiting would take up those.
func takeLock(ctx context.Context, db *sql.DB) (*sql.Tx, error) {
	retry := time.NewTicker(lockInterval)
	defer retry.Stop()
	for {
		tx, locked, err := tryLock(ctx, db)
		if err != nil || locked {
			return tx, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-retry.C:
		}
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
	// While the migrations run, this transaction is idle.
	if _, err := tx.ExecContext(ctx, "SET LOCAL idle_in_transaction_session_timeout = 0"); err != nil {
		return nil, false, err
	}
	err = tx.QueryRowContext(ctx, "SELECT pg_try_advisory_xact_lock($1)", int64(lockKey)).Scan(&locked)
	return tx, locked, err
}
