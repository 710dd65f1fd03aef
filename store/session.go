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
)

// settings are those of our sessions, sent when a connection begins.
//
// enable_seqscan: on an empty table a scan is cheapest, and the generic plan
// that an idle executor arrives at would be kept when the table fills. jit: the
// estimates of recursive statements are high enough to compile them each time.
// plan_cache_mode: the planner takes the plan for any arguments to be dearer
// than one for the arguments at hand, and made a new one for each record: 0.9 ms
// for a record of one job, which then took 0.4.
var settings = map[string]string{
	"statement_timeout":                   fmt.Sprint(statementTimeout.Milliseconds()),
	"lock_timeout":                        "5s",
	"idle_in_transaction_session_timeout": "10s",
	"default_transaction_isolation":       "read committed",
	"jit":                                 "off",
	"enable_seqscan":                      "off",
	"plan_cache_mode":                     "force_generic_plan",
	"search_path":                         "pg_catalog",
}

// keepalives let the server find out within a minute or so that a host is gone,
// and with it what its sessions hold.
var keepalives = map[string]string{"tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3"}

// pooledBegin begins a transaction where sessions belong to a pooler and
// nothing may be left behind in them. No plan is kept there either.
var pooledBegin = func() string {
	var b strings.Builder
	b.WriteString("BEGIN ISOLATION LEVEL READ COMMITTED")
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if name != "default_transaction_isolation" && name != "plan_cache_mode" {
			fmt.Fprintf(&b, "; SET LOCAL %s = '%s'", name, settings[name])
		}
	}
	return b.String()
}()

// way is what is known about the way to the database: whether a pooler stands
// in it that gives each transaction another session. Then there are no settings
// of the session and no named prepared statements. A single statement has only
// the client's limit of time, and does not need enable_seqscan: it is planned
// each time for the table as it is.
type way struct{ seen atomic.Pointer[sight] }

type sight struct {
	pooled bool
	at     time.Time
}

// sightTime is how long the way is taken to be as it was seen: long enough for
// the connections of one start, short because it may lead elsewhere tomorrow.
const sightTime = time.Minute

// pool returns a pool of connections that find out what is in their way.
func (w *way) pool(url, application string, size int32) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = size
	config.ConnConfig.ConnectTimeout = clientTimeout
	config.ConnConfig.RuntimeParams["application_name"] = application
	config.BeforeConnect = w.prepare
	p, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return nil, fmt.Errorf("set up the connection pool: %w", err)
	}
	return p, nil
}

// prepare makes config fit the way.
func (w *way) prepare(ctx context.Context, config *pgx.ConnConfig) error {
	seen := w.seen.Load()
	if seen == nil || time.Since(seen.at) > sightTime {
		pooled, err := meetsPooler(ctx, direct(config))
		if err != nil {
			return err
		}
		seen = &sight{pooled, time.Now()}
		w.seen.Store(seen)
	}
	if seen.pooled {
		config.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
		config.StatementCacheCapacity = 0
	} else {
		*config = *direct(config)
	}
	return nil
}

// direct returns a config for connections that are sessions of ours.
func direct(config *pgx.ConnConfig) *pgx.ConnConfig {
	config = config.Copy()
	maps.Copy(config.RuntimeParams, settings)
	maps.Copy(config.RuntimeParams, keepalives)
	return config
}

// meetsPooler connects once and tells whether a pooler answered: it refuses the
// settings, or if it is told to ignore them, its session has another process
// than it said.
func meetsPooler(ctx context.Context, config *pgx.ConnConfig) (bool, error) {
	conn, err := pgx.ConnectConfig(ctx, config)
	if code(err) == "08P01" { // protocol violation: unsupported startup parameter
		return true, nil
	}
	if err != nil {
		return false, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var process uint32
	err = conn.QueryRow(ctx, "-- tagexec: find pooler\nSELECT pg_backend_pid()", pgx.QueryExecModeExec).Scan(&process)
	return process != conn.PgConn().PID(), err
}

// throughPooler tells whether prepare found a pooler in the way of this connection.
func throughPooler(conn *pgx.Conn) bool {
	return conn.Config().DefaultQueryExecMode == pgx.QueryExecModeCacheDescribe
}

// txOptions are those of a transaction of ours.
func (w *way) txOptions() pgx.TxOptions {
	if seen := w.seen.Load(); seen != nil && !seen.pooled {
		return pgx.TxOptions{}
	}
	return pgx.TxOptions{BeginQuery: pooledBegin}
}
