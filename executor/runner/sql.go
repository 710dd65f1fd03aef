package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

const (
	// defaultPoolSize is the default of SQLOptions.PoolSize.
	defaultPoolSize = 16
	// maxRow is the longest row taken from a server, in bytes: it bounds what
	// a job can make an executor hold.
	maxRow = 16 << 20
	// cancelGrace is how long a server may take to end a statement after a
	// cancel request; after that the request is repeated and the connection
	// closed.
	cancelGrace = 2 * time.Second
	// resetTime is how long ROLLBACK and DISCARD ALL may take before the
	// connection is closed instead.
	resetTime = 5 * time.Second
)

// SQLOptions are the settings of a SQL runner. The zero value is valid.
type SQLOptions struct {
	// PoolSize is how many connections a source gets at most; 0 means 16. A
	// job beyond it waits, and its time runs. pool_max_conns in a source's URL
	// comes before it.
	PoolSize int
}

// SQL runs SQL jobs: all statements of a job in one READ COMMITTED
// transaction on one of the configured sources.
//
//	{"source": "warehouse", "statement": "DELETE FROM t WHERE day = $1", "args": ["1997-01-31"]}
//	{"source": "warehouse", "statements": [{"statement": "…", "args": […]}, {"statement": "…"}]}
//
// The source may be left out where exactly one is configured. Arguments are
// bound to $1, $2, … in text form, so that the server reads them by the type
// it infers: a string fits a date or an enum, a number an int, a numeric or a
// text. An array becomes a Postgres array, or JSON text for a json, jsonb or
// text parameter; an object becomes JSON text; a string for a json parameter
// is taken as JSON text. Each element of statements is a single statement.
//
// RowsAffected is the sum of what INSERT, UPDATE, DELETE, MERGE, SELECT INTO
// and CREATE TABLE AS report; rows that are only read do not count. The first
// row that the last statement returns becomes the result.
//
// Failures carry the SQLSTATE. DETAIL, HINT, CONTEXT and the statement are
// never part of them, for they quote data. A transaction that a statement
// ends itself (COMMIT, ROLLBACK, also ROLLBACK TO) is a final failure,
// transaction_ended; what it committed stays.
//
// The login of a source is the boundary of what its jobs may do, SET ROLE and
// session settings are not. Settings do not pass from one job to the next: each
// connection is reset with DISCARD ALL.
type SQL struct {
	sources map[string]*pgxpool.Pool
}

// NewSQL makes a runner for the named sources, each a Postgres URL or
// connection string with a login of its own. It does not connect: a source
// that is down now can be up when a job needs it. The error lists every source
// that is wrong and holds no part of a URL. Close ends the runner.
func NewSQL(ctx context.Context, sources map[string]string, opt SQLOptions) (*SQL, error) {
	var problems []error
	if len(sources) == 0 {
		problems = append(problems, errors.New("no source is configured"))
	}
	if opt.PoolSize < 0 {
		problems = append(problems, fmt.Errorf("pool size %d is below 0", opt.PoolSize))
	}
	s := &SQL{sources: make(map[string]*pgxpool.Pool, len(sources))}
	for _, name := range sortedKeys(sources) {
		pool, err := newPool(ctx, sources[name], opt)
		if name == "" {
			err = errors.New("has no name")
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("source %s: %w", quote(name), err))
		}
		if pool != nil {
			s.sources[name] = pool
		}
	}
	if err := errors.Join(problems...); err != nil {
		s.Close()
		return nil, fmt.Errorf("sql runner: %w", err)
	}
	return s, nil
}

// Close closes all connections. It waits for running jobs: end their contexts
// first.
func (s *SQL) Close() {
	for _, pool := range s.sources {
		pool.Close()
	}
}

func newPool(ctx context.Context, url string, opt SQLOptions) (*pgxpool.Pool, error) {
	if strings.TrimSpace(url) == "" {
		return nil, errors.New("the URL is empty")
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		// The driver's text quotes the URL, at best without its password.
		var file *fs.PathError
		if errors.As(err, &file) {
			return nil, fmt.Errorf("a file that the URL names: %w", file)
		}
		return nil, errors.New("not a valid Postgres URL (postgres://user:password@host:5432/database)")
	}
	// ParseConfig has taken pool_max_conns out; a second look tells whether
	// the URL set it.
	plain, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("not a valid Postgres URL")
	}
	if _, ok := plain.RuntimeParams["pool_max_conns"]; !ok {
		config.MaxConns = int32(min(max(opt.PoolSize, 0), 10_000))
		if opt.PoolSize <= 0 {
			config.MaxConns = defaultPoolSize
		}
	}
	config.MinConns = 0
	config.MinIdleConns = 0
	config.MaxConnIdleTime = 5 * time.Minute
	config.PingTimeout = resetTime
	config.AfterConnect = learnLimits
	config.AfterRelease = reset

	conn := config.ConnConfig
	conn.RuntimeParams["application_name"] = "tagexec job"
	conn.RuntimeParams["client_encoding"] = "UTF8"
	conn.MaxProtocolMessageBodyLen = maxRow
	if conn.ConnectTimeout == 0 {
		conn.ConnectTimeout = 10 * time.Second
	}
	conn.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: cancelGrace}
	}
	return pgxpool.NewWithConfig(ctx, config)
}

// reset makes a connection forget the job: settings, role, temporary tables,
// advisory locks, LISTEN, prepared statements. It reports whether the
// connection can be used again.
func reset(conn *pgx.Conn) bool {
	ctx, cancel := context.WithTimeout(context.Background(), resetTime)
	defer cancel()
	return conn.PgConn().Exec(ctx, "DISCARD ALL").Close() == nil
}

// Run runs the statements of one job in a transaction and commits it.
func (s *SQL) Run(ctx context.Context, job store.Job) (executor.Outcome, error) {
	payload, err := decodeSQL(job.Payload)
	if err != nil {
		return executor.Outcome{}, err
	}
	source, err := s.source(payload.source)
	if err != nil {
		return executor.Outcome{}, err
	}
	conn, err := s.sources[source].Acquire(ctx)
	if err != nil {
		return executor.Outcome{}, connectFailure(ctx, source, err)
	}
	defer conn.Release()
	tx := transaction{pg: conn.Conn().PgConn(), types: conn.Conn().TypeMap()}
	out, err := tx.run(ctx, payload.statements)
	if err != nil {
		tx.rollback()
		return executor.Outcome{}, err
	}
	return out, nil
}

func (s *SQL) source(name string) (string, error) {
	if _, ok := s.sources[name]; ok {
		return name, nil
	}
	if name != "" {
		return "", executor.Failf("source_not_allowed", "source %s is not allow-listed on this executor", quote(name))
	}
	names := sortedKeys(s.sources)
	if len(names) == 1 {
		return names[0], nil
	}
	return "", executor.Failf("source_not_allowed",
		"payload: source is missing, and this executor has several: %s", strings.Join(names, ", "))
}
