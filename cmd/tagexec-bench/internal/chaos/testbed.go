package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tagexec/tagexec/cmd/internal/faultproxy"
	"github.com/tagexec/tagexec/store/postgres"
)

// testbed is the queue under faults and everything around it.
type testbed struct {
	Options
	db        *pgxpool.Pool // straight to the database: of operators and checks
	producers *pgxpool.Pool
	proxy     *faultproxy.Proxy // between the producers and the database
	executors []*executor
	answers   answers
	findings  findings
	faults    tally
	refused   atomic.Int64 // late results, by the executors' logs
	drained   time.Duration
	clock     serverClock

	supervising sync.WaitGroup

	// What the watch saw last.
	pending, done, total        atomic.Int64
	limitSamples, tablesSamples atomic.Int64
	mostMemory                  atomic.Int64 // bytes, of one executor
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

func newTestbed(ctx context.Context, o Options) (*testbed, error) {
	b := &testbed{Options: o}
	var err error
	if b.db, err = openPool(o.Database); err != nil {
		return nil, err
	}
	err = b.setUp(ctx)
	if err == nil {
		err = b.connectProducers(ctx)
	}
	if err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func openPool(url string) (*pgxpool.Pool, error) {
	database, err := postgres.Queue(url)
	if err != nil {
		return nil, err
	}
	pool, err := database.Pool("chaos", 10, nil)
	if err != nil {
		return nil, err
	}
	return pool.Pool, nil
}

// connectProducers connects them through a proxy, which can lose answers.
func (b *testbed) connectProducers(ctx context.Context) error {
	proxy, through, err := faultproxy.Before(b.Database)
	if err != nil {
		return err
	}
	b.proxy = proxy
	b.producers, err = openPool(through)
	return err
}

func (b *testbed) setUp(ctx context.Context) error {
	var used bool
	if err := b.db.QueryRow(ctx, "SELECT EXISTS (SELECT FROM tagexec.tag_jobs)").Scan(&used); err != nil {
		return err
	}
	if used {
		return ErrNotEmpty
	}
	if _, err := b.db.Exec(ctx, setUpSQL); err != nil {
		return fmt.Errorf("set up pools and a table of effects: %w", err)
	}
	return os.Mkdir(b.path("tmp"), 0o755)
}

func (b *testbed) path(name string) string { return filepath.Join(b.Dir, name) }

// close leaves no process and no connection behind.
func (b *testbed) close() {
	for _, e := range b.executors {
		e.kill()
	}
	b.supervising.Wait()
	for _, e := range b.executors {
		_ = e.proxy.Close() // nothing uses them any more
		_ = e.source.Close()
	}
	if b.producers != nil {
		b.producers.Close()
	}
	if b.proxy != nil {
		_ = b.proxy.Close()
	}
	b.db.Close()
}

// passing reports whether an error comes from a fault that was injected, so that
// it may go well later.
func passing(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return true // the connection
	}
	return pgerrcode.IsConnectionException(pg.Code) || pgerrcode.IsInsufficientResources(pg.Code) || pgerrcode.IsOperatorIntervention(pg.Code)
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
