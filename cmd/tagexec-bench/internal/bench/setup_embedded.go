package bench

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tagexec/tagexec/migrations"
)

// embedded is a server of ours: each way of filling is done once, into a
// template, and each run has a copy.
type embedded struct {
	*Bench
	db        *pgxpool.Pool
	templates map[fill]string
	copies    int
	copyOf    string // how a copy is made
}

func (b *Bench) openEmbedded(ctx context.Context) (setup, error) {
	db, err := openPool(ctx, b.Server.URL("postgres"))
	if err != nil {
		return nil, err
	}
	e := &embedded{Bench: b, db: db, templates: map[fill]string{}, copyOf: "CREATE DATABASE %s TEMPLATE %s"}
	var version int
	if err := db.QueryRow(ctx, "SELECT current_setting('server_version_num')::integer").Scan(&version); err != nil {
		db.Close()
		return nil, err
	}
	if version >= 150000 {
		e.copyOf += " STRATEGY file_copy" // as before 15: quick, and not through the WAL
	}
	if err := e.countStatements(ctx); err != nil {
		e.db.Close()
		return nil, err
	}
	return e, nil
}

// countStatements has the server count statements, if it can.
func (e *embedded) countStatements(ctx context.Context) error {
	var known bool
	err := e.db.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_stat_statements')").Scan(&known)
	if err != nil || !known {
		return err
	}
	if _, err := e.db.Exec(ctx, "ALTER SYSTEM SET shared_preload_libraries = pg_stat_statements"); err != nil {
		return err
	}
	e.db.Reset() // or the server would wait for these sessions to end
	if err := e.Server.Restart(ctx); err != nil {
		return err
	}
	_, err = e.db.Exec(ctx, "CREATE EXTENSION pg_stat_statements")
	return err
}

func (e *embedded) admin() *pgxpool.Pool { return e.db }

func (e *embedded) close(context.Context) error {
	e.db.Close()
	return nil
}

func (e *embedded) prepare(ctx context.Context, f fill) error {
	if e.templates[f] != "" {
		return nil
	}
	template := fmt.Sprintf("bench_seed_%d", len(e.templates))
	e.templates[f] = template
	return e.seed(ctx, template, f)
}

func (e *embedded) fresh(ctx context.Context, f fill) (url, name string, err error) {
	before := e.name()
	e.copies++
	for _, sql := range []string{
		"DROP DATABASE IF EXISTS " + before + " WITH (FORCE)",
		fmt.Sprintf(e.copyOf, e.name(), e.templates[f]),
		"CHECKPOINT",
	} {
		if _, err := e.db.Exec(ctx, sql); err != nil {
			return "", "", fmt.Errorf("copy a seeded queue: %w", err)
		}
	}
	url = e.Server.URL(e.name())
	return url, e.name(), warm(ctx, url, f)
}

// name is that of the newest copy.
func (e *embedded) name() string { return fmt.Sprintf("bench_run_%d", e.copies) }

func (e *embedded) seed(ctx context.Context, template string, f fill) error {
	if _, err := e.db.Exec(ctx, "CREATE DATABASE "+template); err != nil {
		return err
	}
	url := e.Server.URL(template)
	if f.peer != "" {
		return e.fillPeer(ctx, url, f)
	}
	if _, err := migrations.Up(ctx, url); err != nil {
		return err
	}
	db, err := openPool(ctx, url)
	if err != nil {
		return err
	}
	defer db.Close()
	return f.put(ctx, db, e.Show)
}

// warm reads a copy into the server's memory, where it would be had it been
// filled a moment ago.
func warm(ctx context.Context, url string, f fill) error {
	db, err := openPool(ctx, url)
	if err != nil {
		return err
	}
	defer db.Close()
	schema := "tagexec"
	if f.peer != "" {
		schema = peerSchema
	}
	const prewarm = `SELECT sum(pg_prewarm(c.oid))
  FROM pg_class c
 WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'i')`
	if _, err := db.Exec(ctx, "CREATE EXTENSION IF NOT EXISTS pg_prewarm"); err != nil {
		return nil // a server without contrib modules: every run has it cold
	}
	_, err = db.Exec(ctx, prewarm, schema)
	return err
}
