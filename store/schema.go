package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
)

// SchemaVersion is the newest migration this code knows. MinSchemaVersion is the
// oldest it can work with.
const (
	SchemaVersion    = 26
	MinSchemaVersion = 26
)

// A version counts once its functions are installed: a migration that was killed
// may have left tables without them.
const schemaSQL = `-- tagexec: read schema version
SELECT coalesce(max(version) FILTER (WHERE code_hash IS NOT NULL), 0), coalesce(max(min_compatible), 0)
  FROM tagexec.schema_versions`

type rowQuerier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// ReadSchema returns the version of the schema in a database, and the version
// that a binary must know to work with it. db is a *pgx.Conn, a *pgxpool.Pool or
// a pgx.Tx. The version is 0 if the functions are not installed, and for a schema
// from before version 10, which had no code_hash.
func ReadSchema(ctx context.Context, db rowQuerier) (version, minCompatible int, err error) {
	err = db.QueryRow(ctx, schemaSQL).Scan(&version, &minCompatible)
	if code(err) == pgerrcode.UndefinedColumn {
		return 0, 0, nil
	}
	return version, minCompatible, err
}

// CheckSchema returns an error that names both versions if this executor
// cannot work with the database's schema. Older and newer executors can share
// a schema as long as each finds it compatible.
func (s *Store) CheckSchema(ctx context.Context) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	return CheckSchema(ctx, s.pool)
}

// CheckSchema is Store.CheckSchema of a *pgx.Conn, a *pgxpool.Pool or a pgx.Tx. A
// *SchemaError says that the schema does not fit.
func CheckSchema(ctx context.Context, db rowQuerier) error {
	version, minCompatible, err := ReadSchema(ctx, db)
	switch {
	case code(err) == pgerrcode.UndefinedTable || code(err) == pgerrcode.InvalidSchemaName:
		return &SchemaError{fmt.Sprintf("the database has no tagexec schema; this tagexec needs version %d: run `tagexec migrate up`", MinSchemaVersion)}
	case err != nil:
		return fmt.Errorf("read the schema version: %w", err)
	}
	return schemaFits(version, minCompatible)
}

// schemaFits returns a *SchemaError if this code cannot work with such a schema.
func schemaFits(version, minCompatible int) error {
	switch {
	case version < MinSchemaVersion:
		return &SchemaError{fmt.Sprintf("the database's schema has version %d, this tagexec needs at least %d: run `tagexec migrate up`", version, MinSchemaVersion)}
	case minCompatible > SchemaVersion:
		return &SchemaError{fmt.Sprintf("the database's schema (version %d) needs a tagexec that knows version %d, this one knows %d: install a newer tagexec", version, minCompatible, SchemaVersion)}
	}
	return nil
}

// SchemaError says that the schema and this executor do not fit each other.
type SchemaError struct{ message string }

func (e *SchemaError) Error() string { return e.message }
