package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tagexec/tagexec/store/postgres"
)

// settings are those of our sessions. In them the login and the database, which
// may set anything (ALTER ROLE … SET), change nothing that our statements rely on.
//
// enable_seqscan: on an empty table a scan is cheapest, and the generic plan
// that an idle executor arrives at would be kept when the table fills. jit: the
// estimates of recursive statements are high enough to compile them each time.
var settings = map[string]string{
	"statement_timeout":                   fmt.Sprint(statementTimeout.Milliseconds()),
	"lock_timeout":                        "5s",
	"idle_in_transaction_session_timeout": "10s",
	"jit":                                 "off",
	"enable_seqscan":                      "off",
	"search_path":                         "pg_catalog",
}

// directSettings are those that only a session of our own has, sent when a
// connection begins.
//
// plan_cache_mode: the planner takes the plan for any arguments to be dearer
// than one for the arguments at hand, and made a new one for each record: 0.9 ms
// for a record of one job, which then took 0.4. The keepalives let the server
// find out within a minute or so that a host is gone, and with it what its
// sessions hold. idle_session_timeout would end a session that listens.
var directSettings = map[string]string{
	"default_transaction_isolation": "read committed",
	"plan_cache_mode":               "force_generic_plan",
	"idle_session_timeout":          "0",
	"intervalstyle":                 "postgres",
	"bytea_output":                  "hex",
	"extra_float_digits":            "1",
	"row_security":                  "on",
	"tcp_keepalives_idle":           "30",
	"tcp_keepalives_interval":       "10",
	"tcp_keepalives_count":          "3",
}

// pooledBegin begins a transaction where sessions belong to a pooler and
// nothing may be left behind in them. No plan is kept there either.
var pooledBegin = func() string {
	var b strings.Builder
	b.WriteString("BEGIN ISOLATION LEVEL READ COMMITTED")
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&b, "; SET LOCAL %s = '%s'", name, settings[name])
	}
	b.WriteString("; " + postgres.NoTransactionTimeout)
	return b.String()
}()

// pooler remembers whether a transaction-mode pooler (PgBouncer) is between us
// and Postgres, which gives each transaction another session. Then there are no
// settings of the session and no named prepared statements. A single statement
// has only the client's limit of time, and does not need enable_seqscan: it is
// planned each time for the table as it is.
type pooler struct{ last atomic.Pointer[poolerProbe] }

type poolerProbe struct {
	postgres.Probe
	at time.Time
}

// probeInterval is how long the answer of a probe is believed: long enough for
// the connections of one start, short because the address may lead elsewhere
// tomorrow.
const probeInterval = time.Minute

// newPool returns a pool of at most size connections, which probes for a pooler.
func (p *pooler) newPool(database *postgres.Database, application string, size int32) (*postgres.Pool, error) {
	return database.Pool(application, size, func(config *pgxpool.Config) {
		config.BeforeConnect = p.prepare
	})
}

// prepare fits the config of a connection to what is between us and Postgres.
func (p *pooler) prepare(ctx context.Context, config *pgx.ConnConfig) error {
	last := p.last.Load()
	if last == nil || time.Since(last.at) > probeInterval {
		found, err := FindPooler(ctx, config)
		if err != nil {
			return err
		}
		last = &poolerProbe{found, time.Now()}
		p.last.Store(last)
	}
	if last.Pooled {
		config.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
		config.StatementCacheCapacity = 0
	} else {
		maps.Copy(config.RuntimeParams, last.Settings)
	}
	return nil
}

// FindPooler reports whether a transaction-mode pooler answers where config leads, and
// with which settings a session of our own begins there.
func FindPooler(ctx context.Context, config *pgx.ConnConfig) (postgres.Probe, error) {
	ours := maps.Clone(settings)
	maps.Copy(ours, directSettings)
	return postgres.FindPooler(ctx, config, ours)
}

// behindPooler reports whether prepare found a pooler for this connection.
func behindPooler(conn *pgx.Conn) bool {
	return conn.Config().DefaultQueryExecMode == pgx.QueryExecModeCacheDescribe
}

// txOptions are those of a transaction of ours.
func (p *pooler) txOptions() pgx.TxOptions {
	if last := p.last.Load(); last != nil && !last.Pooled {
		return pgx.TxOptions{}
	}
	return pgx.TxOptions{BeginQuery: pooledBegin}
}
