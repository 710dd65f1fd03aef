package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

const (
	// defaultPoolSize is the default of SQLOptions.PoolSize.
	defaultPoolSize = 16
	// maxShapes is how many rows become JSON at the same time: an array of many
	// elements takes up to 20 MB for the few milliseconds that it lasts.
	maxShapes = 4
	// cancelGrace is how long a server may take to end a statement after a
	// cancel request; after that the request is repeated and the connection
	// closed.
	cancelGrace = 2 * time.Second
	// rollbackTime is how long ROLLBACK may take before the connection is closed
	// instead. The job waits for it, also when it was cancelled.
	rollbackTime = time.Second
	// resetTime is the same for DISCARD ALL, for which nobody waits.
	resetTime = 5 * time.Second
)

// SQLOptions are the settings of a SQL runner. The zero value is valid.
type SQLOptions struct {
	// PoolSize is how many connections a source gets at most; 0 means 16. A
	// job beyond it, or beyond what the server allows, waits, and its time runs.
	// pool_max_conns in a source's URL comes before it.
	PoolSize int
}

// SQL runs SQL jobs: all statements of a job in one READ COMMITTED
// transaction on one of the configured sources.
//
//	{"source": "warehouse", "statement": "DELETE FROM t WHERE day = $1", "args": ["1997-01-31"]}
//	{"source": "warehouse", "statements": [{"statement": "…", "args": […]}, {"statement": "…"}]}
//	{"source": "warehouse", "statement": "VACUUM t", "atomic": false}
//
// With "atomic": false the statements run in their order without a transaction,
// for VACUUM, CREATE INDEX CONCURRENTLY and procedures that commit. What was done
// before a failure stays, and another attempt begins with the first statement.
//
// The source may be left out where exactly one is configured. Arguments are
// bound to $1, $2, … in text form, so that the server reads them by the type
// it infers: a string fits a date or an enum, a number an int, a numeric or a
// text. An array becomes a Postgres array, or JSON text for a json, jsonb or
// text parameter; an object becomes JSON text; a string for a json parameter
// is taken as JSON text. Each element of statements is a single statement.
//
// RowsAffected is the sum of what INSERT, UPDATE, DELETE, MERGE, COPY FROM, SELECT
// INTO and CREATE TABLE AS report; rows that are only read do not count. The first
// row that the last statement returns becomes the result, if it is at most 256 kB
// long. One of more than 1 MiB is the final failure row_too_large. Other rows are
// dropped as they come, however long they are.
//
// What the server says beside its results is the output: notices (RAISE NOTICE,
// VERBOSE), and errors in full. Of several statements it says how long each took that
// took a second or more. It can be watched while the statements run. The failure carries the SQLSTATE and what is wrong,
// without DETAIL, HINT, CONTEXT, the statement, the values of its arguments, and
// data that the server could not read: everybody may see it. A transaction that a
// statement ends itself (COMMIT, ROLLBACK, also ROLLBACK TO) is a final failure,
// transaction_ended; what it committed stays.
//
// The login of a source is the boundary of what its jobs may do, SET ROLE and
// session settings are not. Settings do not pass from one job to the next: each
// connection is reset with DISCARD ALL. connect_timeout in the URL of a source also
// limits the wait for the first answers of a connection, and for BEGIN.
type SQL struct {
	sources map[string]*source
	shapes  chan struct{} // holds a token for each row that becomes JSON now
}

// NewSQL makes a runner for the named sources, each a Postgres URL with a login
// of its own. It does not connect: a source that is down now can be up when a job
// needs it. The error lists every source that is wrong, and how; it holds no part
// of a URL but names of parameters and files. Close ends the runner.
func NewSQL(_ context.Context, sources map[string]string, opt SQLOptions) (*SQL, error) {
	var problems []error
	if len(sources) == 0 {
		problems = append(problems, errors.New("no source is configured"))
	}
	if opt.PoolSize < 0 {
		problems = append(problems, fmt.Errorf("pool size %d is below 0", opt.PoolSize))
	}
	s := &SQL{sources: make(map[string]*source, len(sources)), shapes: make(chan struct{}, maxShapes)}
	for _, name := range sortedKeys(sources) {
		made, err := newSource(sources[name], opt.PoolSize)
		if name == "" {
			err = errors.New("it has no name")
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("source %s: %w", quote(name), err))
		}
		if made != nil {
			s.sources[name] = made
		}
	}
	if err := errors.Join(problems...); err != nil {
		s.Close()
		return nil, fmt.Errorf("sql runner: %w", err)
	}
	return s, nil
}

// Close closes all connections. Jobs that still run lose theirs a moment later:
// end their contexts first.
func (s *SQL) Close() {
	var closing sync.WaitGroup
	for _, source := range s.sources {
		closing.Go(source.Close)
	}
	closing.Wait()
}

// Run runs the statements of one job.
func (s *SQL) Run(ctx context.Context, job *store.Job) (executor.Report, error) {
	payload, err := decodeSQL(job.Payload)
	if err != nil {
		return executor.Report{}, err
	}
	source, err := s.source(payload.source)
	if err != nil {
		return executor.Report{}, err
	}
	conn, err := s.sources[source].connection(ctx)
	if err != nil {
		return executor.Report{}, unavailable(s.resource(source), connectFailure(ctx, source, err))
	}
	defer conn.Release()
	tx := transaction{pg: conn.Conn().PgConn(), types: conn.Conn().TypeMap(), atomic: payload.atomic, output: &Capture{}, shapes: s.shapes}
	if err := tx.begin(ctx, conn.Conn().Config().ConnectTimeout); err != nil {
		return executor.Report{}, unavailable(s.resource(source), connectFailure(ctx, source, err))
	}
	report, err := tx.run(ctx, payload.statements)
	if err != nil {
		tx.rollback()
		err = tx.unlessClockWasSet(ctx, err)
	}
	return report, err
}

func (s *SQL) source(name string) (string, error) {
	if _, ok := s.sources[name]; ok {
		return name, nil
	}
	if name != "" {
		return "", unavailable(s.resource(name), executor.Failf("source_not_allowed", "source %s is not allow-listed on this executor", quote(name)))
	}
	names := sortedKeys(s.sources)
	if len(names) == 1 {
		return names[0], nil
	}
	return "", unavailable(s.resource(name), executor.Failf("source_not_allowed",
		"payload: source is missing, and this executor has several: %s", strings.Join(names, ", ")))
}
