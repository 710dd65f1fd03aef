package doctor

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/postgres"
)

// Level says how severe a diagnosis is.
type Level string

// The levels.
const (
	Finding Level = "finding" // something to mend
	Unknown Level = "unknown" // could not be checked; the detail says why
	Info    Level = "info"    // good to know
	OK      Level = "ok"
)

// severity lists the levels, the most severe first.
var severity = []Level{Finding, Unknown, Info, OK}

// Diagnosis is one sentence about a database.
type Diagnosis struct {
	Level  Level  `json:"level"`
	Check  string `json:"check"` // short name of the check that says it
	Detail string `json:"detail"`
	Remedy string `json:"remedy,omitempty"` // one sentence; only of findings
}

// target is the database that is checked.
type target struct {
	maxAge time.Duration     // of a snapshot that holds back vacuum
	pooled bool              // a pooler in transaction mode is in between
	schema bool              // the schema exists
	names  *strings.Replacer // puts in the relations that this login may read, and the engine's constants
}

// Diagnose checks the database at url and returns what it found, the most
// severe first. A snapshot that holds back vacuum is a finding if it is older
// than maxAge. The error names the database's address and says that it cannot be
// reached, or it is a *postgres.URLError; a check that failed is a diagnosis of
// level Unknown. It may be called concurrently.
func Diagnose(ctx context.Context, url string, maxAge time.Duration) ([]Diagnosis, error) {
	database, err := postgres.Queue(url)
	if err != nil {
		return nil, err
	}
	list, err := diagnose(ctx, database.Config("tagexec doctor"), maxAge)
	if err != nil {
		return nil, database.Locate(err)
	}
	return list, nil
}

func diagnose(ctx context.Context, config *pgx.ConnConfig, maxAge time.Duration) (_ []Diagnosis, err error) {
	config.DefaultQueryExecMode = pgx.QueryExecModeExec // named statements get lost behind a pooler
	t := &target{maxAge: maxAge, names: strings.NewReplacer()}
	probe, err := store.FindPooler(ctx, config)
	if err != nil {
		return nil, err
	}
	t.pooled = probe.Pooled
	if !t.pooled {
		// A check that fails takes its own setting back before its transaction has ended.
		config.RuntimeParams["idle_in_transaction_session_timeout"] = "0"
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	defer closeSoon(conn)
	var all []Diagnosis
	for _, c := range checks {
		if c.needsSchema && !t.schema {
			continue
		}
		list, err := c.on(ctx, conn, t)
		if err != nil {
			return nil, fmt.Errorf("check %s: %w", c.name, err)
		}
		all = append(all, list...)
	}
	slices.SortStableFunc(all, func(a, b Diagnosis) int {
		return cmp.Compare(slices.Index(severity, a.Level), slices.Index(severity, b.Level))
	})
	return all, nil
}

// closeSoon closes the connection, with little time for a server that does not answer.
func closeSoon(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx) // everything was read
}
