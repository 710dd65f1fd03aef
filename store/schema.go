package store

import (
	"context"
	"fmt"
)

// SchemaVersion is the newest migration this code knows; the oldest it can
// work with is minSchemaVersion.
const (
	SchemaVersion    = 9
	minSchemaVersion = 7
)

const schemaSQL = `-- tagexec: read schema version
SELECT coalesce(max(version), 0), coalesce(max(min_compatible), 0)
  FROM tagexec.schema_versions`

// CheckSchema returns an error that names both versions if this executor
// cannot work with the database's schema. Older and newer executors can share
// a schema as long as each finds it compatible.
func (s *Store) CheckSchema(ctx context.Context) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	var version, minCompatible int
	err := s.db.QueryRow(ctx, schemaSQL).Scan(&version, &minCompatible)
	switch {
	case code(err) == "42P01" || code(err) == "3F000":
		return &SchemaError{fmt.Sprintf("the database has no tagexec schema; this tagexec needs version %d: run `tagexec migrate up`", minSchemaVersion)}
	case err != nil:
		return fmt.Errorf("read the schema version: %w", err)
	}
	return schemaFits(version, minCompatible)
}

// schemaFits returns an error if this code cannot work with such a schema.
func schemaFits(version, minCompatible int) error {
	switch {
	case version < minSchemaVersion:
		return &SchemaError{fmt.Sprintf("the database's schema has version %d, this tagexec needs at least %d: run `tagexec migrate up`", version, minSchemaVersion)}
	case minCompatible > SchemaVersion:
		return &SchemaError{fmt.Sprintf("the database's schema (version %d) needs a tagexec that knows version %d, this one knows %d: install a newer tagexec", version, minCompatible, SchemaVersion)}
	}
	return nil
}

// SchemaError says that the schema and this executor do not fit each other.
type SchemaError struct{ message string }

func (e *SchemaError) Error() string { return e.message }
