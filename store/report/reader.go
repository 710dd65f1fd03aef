package report

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/postgres"
)

const (
	// statementLimit ends a question on the server.
	statementLimit = 800 * time.Millisecond
	// answerTime is how much longer the answer may take to arrive.
	answerTime = 3 * time.Second
	// connections is how many questions are answered at the same time.
	connections = 3
)

// Config says which queue is asked.
type Config struct {
	URL         string // of the database, as store.Open takes it
	Application string // what the sessions call themselves, such as "tagexec page"
	Zone        string // name of the time zone in which days begin; "" is UTC
}

// Reader asks a queue. Its methods may be called concurrently.
type Reader struct {
	database *postgres.Database
	pool     *postgres.Pool
	zone     string
	role     string // whose rights it asks with; "" for those of the login
	limit    time.Duration
}

// Open connects lazily: the first question reports an unreachable server. An error
// means that the URL is wrong, and says how. The URL may lead to PgBouncer in
// transaction mode.
func Open(c Config) (*Reader, error) { return open(c, nil) }

func open(c Config, tracer pgx.QueryTracer) (*Reader, error) {
	database, err := postgres.Queue(c.URL)
	if err != nil {
		return nil, err
	}
	pool, err := database.Pool(database.Name(c.Application), connections, func(config *pgxpool.Config) {
		// Nothing is kept in a session, so a pooler may change it, and each question is planned for its
		// own arguments.
		config.ConnConfig.DefaultQueryExecMode, config.ConnConfig.Tracer = pgx.QueryExecModeExec, tracer
	})
	if err != nil {
		return nil, err
	}
	return &Reader{database: database, pool: pool, zone: c.Zone, limit: statementLimit}, nil
}

// Close closes the connections, also those of readers that Within returned.
func (r *Reader) Close() { r.pool.Close() }

// Within returns a reader on the same connections whose statements may take longer.
func (r *Reader) Within(limit time.Duration) *Reader {
	patient := *r
	patient.limit = limit
	return &patient
}

// As returns a reader on the same connections that asks with the rights of a group role,
// of which the login must be a member: a *RefusedError says that it is none.
func (r *Reader) As(role string) *Reader {
	other := *r
	other.role = role
	return &other
}

// In returns a reader on the same connections whose days begin in another time zone.
func (r *Reader) In(zone string) *Reader {
	other := *r
	other.zone = zone
	return &other
}

// CheckSchema returns a *store.SchemaError if this code cannot read the schema.
func (r *Reader) CheckSchema(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, r.limit+answerTime)
	defer cancel()
	err := store.CheckSchema(bounded, r.pool)
	var (
		schema *store.SchemaError
		pg     *pgconn.PgError
	)
	if err == nil || errors.As(err, &schema) {
		return err
	}
	if errors.As(err, &pg) { // else it is the way to the server, and the error says so
		return r.refine(ctx, "look whether the schema fits", analyst, err)
	}
	return r.database.Locate(err)
}

// asTheLoginMay is the access mode that the login has without asking for another.
const asTheLoginMay pgx.TxAccessMode = ""

// begin begins the transaction of one question, or of several about one moment.
// enable_seqscan stays as it is: a plan is made for the tables as they are.
func (r *Reader) begin(isolation pgx.TxIsoLevel, mode pgx.TxAccessMode) string {
	settings := fmt.Sprintf("BEGIN ISOLATION LEVEL %s %s; SET LOCAL statement_timeout = %d; SET LOCAL jit = off; SET LOCAL search_path = pg_catalog",
		isolation, mode, r.limit.Milliseconds())
	if r.zone != "" {
		settings += "; SET LOCAL timezone = '" + strings.ReplaceAll(r.zone, "'", "''") + "'"
	}
	if r.role != "" {
		settings += "; SET LOCAL ROLE " + pgx.Identifier{r.role}.Sanitize()
	}
	return settings
}
