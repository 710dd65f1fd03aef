package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// args are a job's, as much as tagexec's jobs carry in their payload.
type args struct {
	N      int    `json:"n"`
	Source string `json:"source"`
	File   string `json:"file"`
}

func (args) Kind() string { return "bench" }

// rows filled at once.
const rows = 10_000

// finishedSQL inserts jobs that ended an hour ago: $1 to $2 are their numbers.
// River deletes those that ended a day ago.
const finishedSQL = `
INSERT INTO river_job (state, attempt, max_attempts, priority, queue, kind, args, attempted_by, attempted_at, created_at, scheduled_at, finalized_at)
SELECT 'completed', 1, 25, 1, 'default', 'bench', jsonb_build_object('n', n, 'source', 'warehouse', 'file', 'tags/high_value.sql'), '{bench}', t, t, t, t
  FROM generate_series($1::bigint, $2::bigint) n
 CROSS JOIN LATERAL (SELECT now() - interval '1 h' AS t) u`

func fill(ctx context.Context, o options, db *pgxpool.Pool, stored func(int)) error {
	schema := pgx.Identifier{o.Schema}.Sanitize()
	if _, err := db.Exec(ctx, "CREATE SCHEMA "+schema); err != nil {
		return err
	}
	driver := riverpgxv5.New(db)
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Schema: o.Schema, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("make River's tables: %w", err)
	}
	if err := fillFinished(ctx, o, db, schema, stored); err != nil {
		return err
	}
	client, err := river.NewClient(driver, &river.Config{Schema: o.Schema})
	if err != nil {
		return err
	}
	for from := 0; from < o.Pending; from += rows {
		batch := make([]river.InsertManyParams, min(rows, o.Pending-from))
		for i := range batch {
			batch[i].Args = args{from + i, "warehouse", "tags/high_value.sql"}
		}
		if _, err := client.InsertManyFast(ctx, batch); err != nil {
			return fmt.Errorf("insert jobs: %w", err)
		}
		// The last is reported when all is done.
		stored(min(o.Finished+from+len(batch), o.Finished+o.Pending-1))
	}
	if _, err := db.Exec(ctx, "VACUUM (ANALYZE) "+schema+".river_job"); err != nil {
		return err
	}
	stored(o.Finished + o.Pending)
	return nil
}

func fillFinished(ctx context.Context, o options, db *pgxpool.Pool, schema string, stored func(int)) error {
	conn, err := db.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, "SET search_path = "+schema); err != nil {
		return err
	}
	for from := 1; from <= o.Finished; from += rows {
		to := min(from+rows-1, o.Finished)
		if _, err := conn.Exec(ctx, finishedSQL, from, to); err != nil {
			return fmt.Errorf("insert finished jobs: %w", err)
		}
		stored(to)
	}
	_, err = conn.Exec(ctx, "RESET search_path")
	return err
}
