// Package migrations is the schema. Numbered files hold what keeps data: tables,
// columns, indexes, types, rows and roles. The directory code holds what can be
// replaced at any time: each function, trigger, view and right, once. Both are
// embedded, so the binary brings the schema it was built for.
//
// Up applies the numbered files that are missing, each in a transaction, and then
// installs the code in one transaction. It does so if the code differs from what was
// installed last and the schema has the version of this binary. So an older binary
// never puts old code back.
//
// All is done as the role that owns the schema, which holds nothing that others made,
// and with a search_path that finds nothing of theirs. A transaction that does not get
// its locks within half a second gives way to the executors and producers behind it,
// and is tried again.
//
// Rules for numbered files:
//   - A released file is never edited. A change is a new file.
//   - The last statement of its Up part inserts its row in schema_versions.
//   - It is short. What takes more than a lock on one table of executors takes all its
//     locks in its first statement, LOCK TABLE, in the order of the names: what
//     queues behind it waits once.
//   - It builds an index of tag_jobs or tag_past_attempts, or of any table that may be
//     large, CONCURRENTLY, in a file of its own that is marked NO TRANSACTION. Such a file
//     can be repeated from any point: DROP INDEX CONCURRENTLY IF EXISTS comes first, because
//     a try that was interrupted leaves an index that is not valid; the row in
//     schema_versions is inserted ON CONFLICT DO NOTHING. It names every object with its
//     schema.
//   - It works without any code, as in a new database, and beside the code that was
//     installed before it: executors go on using that code until the new one is
//     installed.
//   - It holds no function, trigger or view.
//   - It drops what code no longer has, with DROP … IF EXISTS: a function that goes,
//     and one whose signature changes, because CREATE OR REPLACE would leave both; a
//     trigger that goes; a view whose columns change by more than a new one at the end.
//   - Before it drops a function or a view that has a successor, it copies the rights
//     on it to kept_rights, under the successor's name. The rights of the group
//     roles come back anyway; these are the ones that somebody else granted.
//
// Rules for code:
//   - A file holds one object, or one small family, with its comments. The names of
//     the files sort in the order of installation.
//   - Every statement can be repeated: CREATE OR REPLACE, COMMENT, GRANT, REVOKE.
//   - Files with triggers come after those with views. Replacing a view waits for its
//     readers, and replacing a trigger locks the queue until the transaction ends.
//   - A release that changes code also adds a numbered file, even if that only inserts
//     its row in schema_versions: an older binary knows by the version that it is
//     older.
package migrations

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
)

//go:embed *.sql code/*.sql
var files embed.FS

// Status is one part of the schema, a numbered file or all the code, and when it
// was applied; the zero time means it is pending.
type Status struct {
	File      string // name of the numbered file, or "code"
	AppliedAt time.Time
}

// Up applies what is missing and returns the names of the files it applied, with
// "code" at the end if it installed that. Processes that call it at the same time
// wait for each other; the later ones find nothing to do, for which the login need
// only be allowed to use the schema. Each of tell is told what a
// migration could not do and an administrator has to, such as make a role; for whom it
// waits; and as which role it works, if that is not the login. The error is a
// *VersionError if the database has a schema from before the first release, and a
// *RefusedError if the schema is somebody else's or a lock is not to be had.
func Up(ctx context.Context, url string, tell ...func(notice string)) ([]string, error) {
	return source{files}.up(ctx, url, tell)
}

// Down takes back the latest numbered file, or with all every one, and returns
// the files it took back. The data of the tables it drops is lost. It removes the
// code first, which only the next Up installs again. It asks nobody: see FindLoss. The
// error is a *VersionError if the schema is newer than this binary, and a *RefusedError
// as that of Up.
func Down(ctx context.Context, url string, all bool, tell ...func(notice string)) ([]string, error) {
	return source{files}.down(ctx, url, all, tell)
}

// List returns the numbered files of this binary in order and then the code, with
// the times they were applied to the database at url. It writes nothing, and the
// login need only be allowed to use the schema.
func List(ctx context.Context, url string) ([]Status, error) {
	return source{files}.list(ctx, url)
}

// source is the SQL of a binary.
type source struct{ files fs.FS }

func (s source) up(ctx context.Context, url string, tell []func(string)) ([]string, error) {
	var applied []string
	done, err := s.nothingToDo(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("migrate up: %w", err)
	}
	if done {
		return nil, nil
	}
	err = s.with(ctx, url, tell, func(d *database) error {
		known, err := d.findKnown(ctx)
		if err != nil {
			return err
		}
		if err := d.apply(ctx, &applied); err != nil {
			return err
		}
		err = d.giveWay(ctx, func() error {
			installed, err := d.installCode(ctx, known)
			if installed {
				applied = append(applied, codeName)
			}
			return err
		})
		if err != nil {
			return err
		}
		return d.nameOutdated(ctx, applied)
	})
	if err != nil {
		return applied, fmt.Errorf("migrate up: %w", err)
	}
	return applied, nil
}

// apply applies the numbered files that are missing, one after the other.
func (d *database) apply(ctx context.Context, applied *[]string) error {
	for {
		var result *goose.MigrationResult
		err := d.giveWay(ctx, func() (err error) {
			result, err = d.numbered.UpByOne(ctx)
			return err
		})
		if errors.Is(err, goose.ErrNoNextVersion) {
			return nil
		}
		if err != nil {
			return err
		}
		*applied = append(*applied, result.Source.Path)
	}
}

func (s source) down(ctx context.Context, url string, all bool, tell []func(string)) ([]string, error) {
	var undone []string
	if state, err := s.read(ctx, url); err == nil && state.nothing {
		return nil, nil
	} // what else is wrong, with says
	err := s.with(ctx, url, tell, func(d *database) error {
		version, err := d.numbered.GetDBVersion(ctx)
		if err != nil {
			return err
		}
		if err := d.refuseNewer(version); err != nil {
			return err
		}
		if version > 0 {
			if err := d.giveWay(ctx, func() error { return d.removeCode(ctx) }); err != nil {
				return err
			}
		}
		undone, err = d.takeBack(ctx, all)
		return err
	})
	if err != nil {
		return undone, fmt.Errorf("migrate down: %w", err)
	}
	return undone, nil
}

// takeBack takes back one numbered file or all. With the last one it removes what is
// left of the schema, and so leaves the database as it was found.
func (d *database) takeBack(ctx context.Context, all bool) (undone []string, err error) {
	for {
		var r *goose.MigrationResult
		err := d.giveWay(ctx, func() (err error) {
			r, err = d.numbered.Down(ctx)
			return err
		})
		if errors.Is(err, goose.ErrNoNextVersion) {
			break
		}
		if err != nil {
			return undone, err
		}
		undone = append(undone, r.Source.Path)
		if !all {
			break
		}
	}
	version, err := d.numbered.GetDBVersion(ctx)
	if err != nil || version > 0 {
		return undone, err
	}
	return undone, d.giveWay(ctx, func() error {
		return inTx(ctx, d.db, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "DROP TABLE "+versionTable+"; DROP SCHEMA tagexec")
			return err
		})
	})
}

func (s source) list(ctx context.Context, url string) ([]Status, error) {
	state, err := s.read(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("read the state of the migrations: %w", err)
	}
	return state.list()
}
