package demo

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

//go:embed schema.sql
var schemaSQL string

//go:embed indexes.sql
var indexesSQL string

// Loaded says what Load put into the database.
type Loaded struct {
	Customers int64
	Purchases int64
	FirstOn   time.Time
	LastOn    time.Time
	Dollars   float64
	Tags      int64
}

// Load creates the schema demo and fills it with the purchase log and the catalogue of tags. All or nothing: a
// database that has the schema already is left as it is, and the error says so.
func Load(ctx context.Context, conn *pgx.Conn) (Loaded, error) {
	var loaded Loaded
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, schemaSQL); err != nil {
			return fmt.Errorf("create schema: %w", err)
		}
		if err := copyPurchases(ctx, tx); err != nil {
			return err
		}
		if err := copyTags(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, indexesSQL); err != nil {
			return fmt.Errorf("create indexes: %w", err)
		}
		var err error
		loaded, err = countLoaded(ctx, tx)
		return err
	})
	if err != nil {
		return Loaded{}, fmt.Errorf("load demo data: %w", err)
	}
	return loaded, nil
}

// FREEZE marks the pages visible to all at once, so that the tag jobs can read the index alone without waiting for
// a vacuum. It is allowed because the table was created in the same transaction.
const copyPurchasesSQL = `
COPY demo.purchases (customer_id, purchased_on, cds, dollars)
FROM STDIN
WITH (FORMAT csv, HEADER, FREEZE)`

// copyPurchases streams the CSV from the embedded file to the server, which parses it: no row is built in Go.
func copyPurchases(ctx context.Context, tx pgx.Tx) error {
	csv, err := openPurchases()
	if err != nil {
		return err
	}
	if _, err := tx.Conn().PgConn().CopyFrom(ctx, csv, copyPurchasesSQL); err != nil {
		return fmt.Errorf("copy purchases: %w", err)
	}
	return nil
}

func copyTags(ctx context.Context, tx pgx.Tx) error {
	tags, err := readScripts("tags")
	if err != nil {
		return err
	}
	rows := pgx.CopyFromSlice(len(tags), func(i int) ([]any, error) {
		return []any{tags[i].Tag, tags[i].Definition}, nil
	})
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{"demo", "tags"}, []string{"tag", "definition"}, rows); err != nil {
		return fmt.Errorf("copy tags: %w", err)
	}
	return nil
}

const countLoadedSQL = `
-- demo: count what was loaded
SELECT count(DISTINCT p.customer_id) AS customers,
       count(*) AS purchases,
       min(p.purchased_on) AS first_on,
       max(p.purchased_on) AS last_on,
       sum(p.dollars)::float8 AS dollars,
       (SELECT count(*) FROM demo.tags) AS tags
FROM demo.purchases p`

func countLoaded(ctx context.Context, tx pgx.Tx) (Loaded, error) {
	rows, err := tx.Query(ctx, countLoadedSQL)
	if err != nil {
		return Loaded{}, fmt.Errorf("count purchases: %w", err)
	}
	loaded, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Loaded])
	if err != nil {
		return Loaded{}, fmt.Errorf("count purchases: %w", err)
	}
	return loaded, nil
}
