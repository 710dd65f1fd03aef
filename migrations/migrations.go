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
// to do.
func Up(ctx context.Context, url string) ([]string, error) {
	var applied []string
	err := with(ctx, url, func(p *goose.Provider, _ *sql.Conn) error {
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
	err := with(ctx, url, func(p *goose.Provider, conn *sql.Conn) error {
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
		_, err = conn.ExecContext(ctx, "DROP TABLE "+versionTable+"; DROP SCHEMA tagexec")
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
	err := with(ctx, url, func(p *goose.Provider, _ *sql.Conn) error {
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

// with calls do with a goose provider while it holds the advisory lock.
func with(ctx context.Context, url string, do func(*goose.Provider, *sql.Conn) error) (err error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return err
	}
	db := stdlib.OpenDB(*config)
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	// The lock ends with this session, which is closed above.
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", int64(lockKey)); err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS tagexec"); err != nil {
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
	return do(provider, conn)
}
