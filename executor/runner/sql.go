package runner

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/sql"
	"github.com/tagexec/tagexec/executor/runner/words"
	"github.com/tagexec/tagexec/store"
)

// defaultPoolSize is the default of SQLOptions.PoolSize.
const defaultPoolSize = 16

// worthALine is how long one of several statements must take for the output to say so.
const worthALine = time.Second

// SQLOptions are the settings of a SQL runner. The zero value is valid.
type SQLOptions struct {
	// PoolSize is how many connections a source gets at most; 0 means 16. A
	// job beyond it, or beyond what the server allows, waits, and its time runs.
	PoolSize int
	// Queue is the id of the queue, by which the engines tell its statements from those
	// of another one with the same login. See store.Store.QueueName. If it is empty, an
	// attempt does not know what others before it have left.
	Queue string
	// Engines are further engines, by the scheme of their URLs.
	Engines map[string]sql.Parse
	// Log is told what a server does not have, and what is lost by that; nil: nobody is.
	Log *slog.Logger
}

// SQL runs SQL jobs: all statements of a job in one transaction on one of the
// configured sources. What follows is said of Postgres; the package of an engine says
// where it differs.
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
	sources map[string]sql.Engine
	queue   string
}

// NewSQL makes a runner for the named sources, each the URL of an engine (see
// ParseSource) with a login of its own. It does not connect: a source that is down now
// can be up when a job needs it. The error lists every source that is wrong, and how; it
// holds no part of a URL but names of parameters and files. Close ends the runner.
func NewSQL(_ context.Context, sources map[string]string, opt SQLOptions) (*SQL, error) {
	var problems []error
	if len(sources) == 0 {
		problems = append(problems, errors.New("no source is configured"))
	}
	if opt.PoolSize < 0 {
		problems = append(problems, fmt.Errorf("pool size %d is below 0", opt.PoolSize))
	}
	s := &SQL{sources: make(map[string]sql.Engine, len(sources)), queue: cmp.Or(opt.Queue, strings.ToLower(rand.Text()[:12]))}
	for _, name := range sortedKeys(sources) {
		made, err := newEngine(name, sources[name], opt)
		if name == "" {
			err = errors.New("it has no name")
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("source %s: %w", words.Quote(name), err))
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

func newEngine(name, url string, opt SQLOptions) (sql.Engine, error) {
	source, err := parseSource(url, opt.Engines)
	if err != nil {
		return nil, err
	}
	return source.Engine(sql.Options{
		Connections: cmp.Or(min(max(opt.PoolSize, 0), 10_000), defaultPoolSize),
		Log:         cmp.Or(opt.Log, slog.New(slog.DiscardHandler)).With("source", name),
	})
}

// Close closes all connections. Jobs that still run lose theirs a moment later:
// end their contexts first.
func (s *SQL) Close() {
	var closing sync.WaitGroup
	for _, engine := range s.sources {
		closing.Go(engine.Close)
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
	engine := s.sources[source]
	if err := payload.fits(engine.Traits()); err != nil {
		return executor.Report{}, err
	}
	if err := payload.fillIn(job); err != nil {
		return executor.Report{}, err
	}
	output := &Capture{}
	session, err := s.begin(ctx, engine, job, payload.atomic, output)
	if err != nil {
		return executor.Report{}, unavailable(s.resource(source), connectFailure(ctx, source, err))
	}
	defer session.End()
	executor.ShowOutput(ctx, output)
	report, err := runStatements(ctx, session, payload, output)
	report.Output, report.OutputBytes = output.String(), output.Len()
	report.QueryID = session.QueryID()
	var notBegun sql.NotBegun
	if errors.As(err, &notBegun) {
		err = unavailable(s.resource(source), connectFailure(ctx, source, notBegun.Failure))
	}
	return report, err
}

// begin opens a session. Up to its end nothing of the job was sent.
func (s *SQL) begin(ctx context.Context, engine sql.Engine, job *store.Job, atomic bool, output *Capture) (sql.Session, error) {
	about := sql.Job{Queue: s.queue, ID: job.ID, Attempt: job.Attempt, Tag: job.Tag, Atomic: atomic, Output: output}
	if job.Batch != nil {
		about.Batch = *job.Batch
	}
	session, err := engine.Open(ctx, about)
	if err != nil {
		return nil, err
	}
	if err := session.Begin(ctx); err != nil {
		session.End()
		return nil, err
	}
	return session, nil
}

func runStatements(ctx context.Context, session sql.Session, p sqlPayload, output *Capture) (executor.Report, error) {
	var report executor.Report
	for i, st := range p.statements {
		st.Where, st.WantRow = sql.OnlyStatement, i == len(p.statements)-1
		if len(p.statements) > 1 {
			st.Where = fmt.Sprintf("statement %d of %d", i+1, len(p.statements))
		}
		began := time.Now()
		done, err := session.Exec(ctx, st)
		if err != nil {
			return executor.Report{}, afterward(hidden(err, st), p.atomic, i)
		}
		if took := time.Since(began); len(p.statements) > 1 && took >= worthALine {
			fmt.Fprintf(output, "%s, %.0f s\n", st.Where, took.Seconds())
		}
		report.RowsAffected = sum(report.RowsAffected, done.Rows)
		report.Value = done.Row
	}
	if err := session.Commit(ctx); err != nil {
		return executor.Report{}, err
	}
	return report, nil
}

// hidden is err without the values of arguments.
func hidden(err error, st sql.Statement) error {
	var f *executor.Failure
	if errors.As(err, &f) {
		f.Message = hideArguments(f.Message, st)
	}
	return err
}

// afterward adds to err what the statements before it have done for good.
func afterward(err error, atomic bool, done int) error {
	var notBegun sql.NotBegun
	if done > 0 && errors.As(err, &notBegun) {
		err = notBegun.Failure // the job has begun
	}
	if atomic || done == 0 {
		return err
	}
	stays := "; what statement 1 did stays"
	if done > 1 {
		stays = fmt.Sprintf("; what statements 1 to %d did stays", done)
	}
	var f *executor.Failure
	if errors.As(err, &f) {
		f.Message += stays
		return err
	}
	return fmt.Errorf("%w%s", err, stays)
}

// sum adds what is counted; nil is not.
func sum(a, b *int64) *int64 {
	if a == nil || b == nil {
		return cmp.Or(a, b)
	}
	both := *a + *b
	return &both
}

// connectFailure says which source an attempt could not begin on.
func connectFailure(ctx context.Context, source string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("waiting for a connection to source %s was ended: %w", words.Quote(source), context.Cause(ctx))
	}
	var f *executor.Failure
	if !errors.As(err, &f) {
		f = sql.NoConnection("no connection")
	}
	// Not permanent: the login or the server can be mended.
	return executor.Failf(f.Code, "connecting to source %s: %s", words.Quote(source), f.Message)
}

func (s *SQL) source(name string) (string, error) {
	if _, ok := s.sources[name]; ok {
		return name, nil
	}
	if name != "" {
		return "", unavailable(s.resource(name), executor.Failf("source_not_allowed", "source %s is not allow-listed on this executor", words.Quote(name)))
	}
	names := sortedKeys(s.sources)
	if len(names) == 1 {
		return names[0], nil
	}
	return "", unavailable(s.resource(name), executor.Failf("source_not_allowed",
		"payload: source is missing, and this executor has several: %s", strings.Join(names, ", ")))
}
