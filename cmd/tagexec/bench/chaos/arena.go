package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tagexec/tagexec/cmd/tagexec/faultproxy"
)

// arena is the queue under faults and everything around it.
type arena struct {
	Options
	db        *pgxpool.Pool // straight to the database: of operators and judges
	producers *pgxpool.Pool
	way       *faultproxy.Proxy // of the producers to the database
	executors []*victim
	ledger    ledger
	findings  findings
	faults    tally
	refused   atomic.Int64 // late results, by the executors' logs
	drained   time.Duration

	supervising sync.WaitGroup

	// What the watch saw last.
	pending, done, total        atomic.Int64
	limitSamples, tablesSamples atomic.Int64
	phase                       atomic.Int32
}

// draining is the phase after the faults.
const draining = 1

// ErrNotEmpty refuses a database that holds jobs.
var ErrNotEmpty = errors.New("the queue holds jobs already: chaos needs one of its own")

// The jobs' own account, and pools to fight for.
const setUpSQL = `
CREATE SCHEMA chaos;
CREATE TABLE chaos.effects (tag text NOT NULL);
INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('free', NULL), ('narrow', 4), ('wide', 6)`

// slots are the limited pools at the beginning and at the end, which no change
// in between exceeds.
var slots = map[string]int{"narrow": 4, "wide": 6}

func newArena(ctx context.Context, o Options) (*arena, error) {
	a := &arena{Options: o}
	var err error
	if a.db, err = openPool(ctx, o.Database); err != nil {
		return nil, err
	}
	err = a.furnish(ctx)
	if err == nil {
		err = a.openWay(ctx)
	}
	if err != nil {
		a.close()
		return nil, err
	}
	return a, nil
}

func openPool(ctx context.Context, database string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(database)
	if err != nil {
		return nil, err
	}
	config.ConnConfig.RuntimeParams["application_name"] = "chaos"
	config.MaxConns = 10
	return pgxpool.NewWithConfig(ctx, config)
}

// openWay lets the producers through a proxy, which can lose answers.
func (a *arena) openWay(ctx context.Context) error {
	way, through, err := faultproxy.Before(a.Database)
	if err != nil {
		return err
	}
	a.way = way
	a.producers, err = openPool(ctx, through)
	return err
}

func (a *arena) furnish(ctx context.Context) error {
	var used bool
	if err := a.db.QueryRow(ctx, "SELECT EXISTS (SELECT FROM tagexec.tag_jobs)").Scan(&used); err != nil {
		return err
	}
	if used {
		return ErrNotEmpty
	}
	if _, err := a.db.Exec(ctx, setUpSQL); err != nil {
		return fmt.Errorf("set up pools and a table of effects: %w", err)
	}
	commands := a.path("commands")
	script := strings.ReplaceAll(commandScript, "HISTORY", a.path("history"))
	return errors.Join(
		os.Mkdir(commands, 0o755),
		os.Mkdir(a.path("tmp"), 0o755),
		os.WriteFile(filepath.Join(commands, "work"), []byte(script), 0o755))
}

func (a *arena) path(name string) string { return filepath.Join(a.Dir, name) }

// close leaves no process and no connection behind.
func (a *arena) close() {
	for _, v := range a.executors {
		v.abandon()
	}
	a.supervising.Wait()
	for _, v := range a.executors {
		_ = v.proxy.Close() // nothing uses it any more
	}
	if a.producers != nil {
		a.producers.Close()
	}
	if a.way != nil {
		_ = a.way.Close()
	}
	a.db.Close()
}

// passing tells whether an error comes from a fault that was injected, so that
// it may go well later.
func passing(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return true // the connection
	}
	class := pg.Code[:2]
	return class == "08" || class == "53" || class == "57"
}

// tally counts by name.
type tally struct {
	mu sync.Mutex
	n  map[string]int
}

func (t *tally) add(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n == nil {
		t.n = map[string]int{}
	}
	t.n[name]++
}

func (t *tally) sum() (all int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, n := range t.n {
		all += n
	}
	return all
}
