package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// given is a database of the user's, filled anew for each run and left empty.
type given struct {
	*Bench
	db *pgxpool.Pool
}

const usedSQL = `
SELECT EXISTS (SELECT FROM tagexec.tag_jobs) OR EXISTS (SELECT FROM tagexec.tag_job_attempts) OR EXISTS (SELECT FROM tagexec.tag_batches)`

func (b *Bench) openGiven(ctx context.Context) (setup, error) {
	db, err := openPool(ctx, b.Database)
	if err != nil {
		return nil, err
	}
	g := &given{b, db}
	var used bool
	err = db.QueryRow(ctx, usedSQL).Scan(&used)
	if err == nil && used {
		err = ErrNotEmpty
	}
	if err != nil {
		db.Close()
		return nil, err
	}
	return g, nil
}

func (g *given) admin() *pgxpool.Pool { return g.db }

// prepare does nothing: there is one queue, filled for one run at a time.
func (g *given) prepare(context.Context, fill) error { return nil }

func (g *given) fresh(ctx context.Context, f fill) (url, name string, err error) {
	name = g.db.Config().ConnConfig.Database
	if err := g.clear(ctx); err != nil {
		return "", "", err
	}
	if f.peer != "" {
		err = g.fillPeer(ctx, g.Database, f)
	} else {
		err = f.put(ctx, g.db, g.Show)
	}
	if err != nil {
		return "", "", err
	}
	_, err = g.db.Exec(ctx, "CHECKPOINT")
	if refused := new(pgconn.PgError); errors.As(err, &refused) && refused.Code == pgerrcode.InsufficientPrivilege {
		err = nil // not ours to request: checkpoints then fall where they fall, in every run
	}
	return g.Database, name, err
}

// clear leaves the queue as it was before the first run.
func (g *given) clear(ctx context.Context) error {
	const clearSQL = `
DROP SCHEMA IF EXISTS ` + peerSchema + ` CASCADE;` + dressSQL + `;
TRUNCATE tagexec.tag_jobs, tagexec.tag_past_attempts, tagexec.tag_batches RESTART IDENTITY;
DELETE FROM tagexec.tag_executors WHERE kinds IN ('{` + kind + `}', '{` + otherKind + `}');
DELETE FROM tagexec.tag_kinds WHERE kind IN ('` + kind + `', '` + otherKind + `');
DELETE FROM tagexec.tag_pools WHERE pool IN ('` + roomyPool + `', '` + closedPool + `', '` + takenPool + `')`
	if _, err := g.db.Exec(ctx, clearSQL); err != nil {
		return fmt.Errorf("empty the queue: %w", err)
	}
	return nil
}

func (g *given) close(ctx context.Context) error {
	defer g.db.Close()
	return g.clear(ctx)
}
