package migrations

import (
	"context"
	"database/sql"
	"fmt"
)

// The schema of the first release has version 10. Databases with a lower version
// were made by binaries from before it.
const firstVersion = 10

// developmentSQL returns the version of a schema that is older than $1, or 0.
const developmentSQL = "SELECT coalesce(max(version_id), 0) FROM " + versionTable + " WHERE version_id BETWEEN 1 AND $1 - 1"

// VersionError says that this binary cannot do what was asked with a schema of that
// version, and what can be done about it.
type VersionError struct {
	Version int64
	message string
}

func (e *VersionError) Error() string { return e.message }

// RefusedError says why nothing was done that was asked, and what can be done about
// it: somebody else owns what would be changed, or holds a lock.
type RefusedError struct{ message string }

func (e *RefusedError) Error() string { return e.message }

func refusef(format string, args ...any) error { return &RefusedError{fmt.Sprintf(format, args...)} }

// refuseDevelopment returns a VersionError if the schema is from before the first
// release.
func refuseDevelopment(ctx context.Context, db *sql.DB) error {
	var exists bool
	if err := db.QueryRowContext(ctx, "SELECT to_regclass($1) IS NOT NULL", versionTable).Scan(&exists); err != nil || !exists {
		return err
	}
	var version int64
	if err := db.QueryRowContext(ctx, developmentSQL, firstVersion).Scan(&version); err != nil || version == 0 {
		return err
	}
	return developmentError(version)
}

func developmentError(version int64) error {
	return &VersionError{version, fmt.Sprintf("the schema of this database has version %d, from before the first release (%s), which this tagexec cannot update. "+
		"Save what you need, for example with `pg_dump --schema=tagexec`; "+
		"then remove it with `DROP SCHEMA IF EXISTS tagexec, tagreport CASCADE` and run `tagexec migrate up` again", version, versionTable)}
}

// refuseNewer returns a VersionError if the schema is newer than this binary.
func (d *database) refuseNewer(version int64) error {
	if version <= d.newest() {
		return nil
	}
	return &VersionError{version, fmt.Sprintf("the schema has version %d, and this tagexec knows only %d: take it back with the tagexec that brought it", version, d.newest())}
}
