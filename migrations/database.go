package migrations

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"

	"github.com/pressly/goose/v3"
	goosedb "github.com/pressly/goose/v3/database"
)

// versionTable is where goose notes what it applied; it is ours, so it lies in
// our schema.
const versionTable = "tagexec.goose_db_version"

// database is a database that no other process migrates at the same time.
type database struct {
	db       *sql.DB
	numbered *goose.Provider
	files    fs.FS
	tell     []func(string)
}

// newest is the version that the schema has when all numbered files are applied.
func (d *database) newest() int64 {
	sources := d.numbered.ListSources()
	return sources[len(sources)-1].Version
}

// with calls do with the database at url while it holds the advisory lock, as the
// owner of the schema.
func (s source) with(ctx context.Context, url string, tell []func(string), do func(*database) error) (err error) {
	db, err := openAsOwner(ctx, url, tell)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	lock, err := takeLock(ctx, db)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Rollback() }() // nothing was written in it
	if err := refuseDevelopment(ctx, db); err != nil {
		return err
	}
	versions, err := goosedb.NewStore(goosedb.DialectPostgres, versionTable)
	if err != nil {
		return err
	}
	if err := createSchema(ctx, db, versions); err != nil {
		return err
	}
	numbered, err := goose.NewProvider("", db, settled{s.files}, goose.WithStore(versions))
	if err != nil {
		return err
	}
	return do(&database{db, numbered, s.files, tell})
}

// createSchema makes the schema and the table of its versions if they are missing. A
// schema that holds anything else before the first file was applied is refused.
func createSchema(ctx context.Context, db *sql.DB, versions goosedb.Store) error {
	return inTx(ctx, db, func(tx *sql.Tx) error {
		var schema, table bool
		const ask = "SELECT to_regnamespace('tagexec') IS NOT NULL, to_regclass($1) IS NOT NULL"
		if err := tx.QueryRowContext(ctx, ask, versionTable).Scan(&schema, &table); err != nil {
			return err
		}
		if !schema {
			if err := refuseRoles(ctx, tx); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, "CREATE SCHEMA tagexec"); err != nil {
				return err
			}
		}
		if !table {
			if err := refuseObjects(ctx, tx); err != nil {
				return err
			}
			if err := versions.CreateVersionTable(ctx, tx); err != nil {
				return err
			}
			return versions.Insert(ctx, tx, goosedb.InsertRequest{Version: 0})
		}
		version, err := versions.GetLatestVersion(ctx, tx)
		if err != nil || version > 0 {
			return err
		}
		return refuseObjects(ctx, tx)
	})
}
