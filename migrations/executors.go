package migrations

import (
	"context"
	"database/sql"
	"fmt"
)

// aliveSQL returns the executors that live.
const aliveSQL = `
SELECT format('%s (process %s, version %s)', e.hostname, e.pid, e.version)
  FROM tagexec.tag_executors e
 WHERE e.stopped_at IS NULL
   AND e.reaped_at IS NULL
   AND e.heartbeat_at BETWEEN now() - make_interval(secs => e.lease_seconds) AND now() + make_interval(secs => e.lease_seconds)
 ORDER BY 1
 LIMIT 6`

// nameOutdated says which executors live that began before a version which needs all
// to be newer. They check the schema at their start only.
func (d *database) nameOutdated(ctx context.Context, applied []string) error {
	if len(applied) < 2 { // code alone
		return nil
	}
	return inTx(ctx, d.db, func(tx *sql.Tx) error {
		var newest bool
		const ask = "SELECT max(min_compatible) = max(version) FROM tagexec.schema_versions"
		if err := tx.QueryRowContext(ctx, ask).Scan(&newest); err != nil || !newest {
			return err
		}
		alive, err := list(tx.QueryContext(ctx, aliveSQL))
		if err == nil && alive != "" {
			tellAll(d.tell, "this version needs executors that know it: stop these before new ones begin: "+alive)
		}
		return err
	})
}

// Loss is what taking back migrations would lose.
type Loss struct {
	Version   int64  // of the schema; 0 means there is none, and nothing to lose
	Jobs      int64  // all jobs, counted to a million at most
	Pending   int64  // of these, counted to a million at most
	Running   int64  // jobs that run
	Executors string // that live, in words; "" for none
}

const (
	schemaThereSQL = "SELECT to_regclass('tagexec.schema_versions') IS NOT NULL AND to_regclass('tagexec.tag_executors') IS NOT NULL"

	lossSQL = `
SELECT (SELECT max(version) FROM tagexec.schema_versions),
       (SELECT count(*) FROM (SELECT FROM tagexec.tag_jobs LIMIT 1000000) j),
       (SELECT count(*) FROM (SELECT FROM tagexec.tag_jobs WHERE state = 'pending' LIMIT 1000000) j),
       (SELECT count(*) FROM tagexec.tag_jobs WHERE state = 'running')`
)

// FindLoss returns what Down with all would lose in the database at url, and what the
// executors that live there would lose by any Down.
func FindLoss(ctx context.Context, url string) (loss Loss, err error) {
	db, err := openAsOwner(ctx, url, nil)
	if err != nil {
		return loss, fmt.Errorf("look at what would be lost: %w", err)
	}
	defer db.Close()
	err = inTx(ctx, db, func(tx *sql.Tx) error {
		var there bool
		if err := tx.QueryRowContext(ctx, schemaThereSQL).Scan(&there); err != nil || !there {
			return err
		}
		if err := tx.QueryRowContext(ctx, lossSQL).Scan(&loss.Version, &loss.Jobs, &loss.Pending, &loss.Running); err != nil {
			return err
		}
		loss.Executors, err = list(tx.QueryContext(ctx, aliveSQL))
		return err
	})
	if err != nil {
		return loss, fmt.Errorf("look at what would be lost: %w", err)
	}
	return loss, nil
}
