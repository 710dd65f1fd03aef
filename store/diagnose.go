package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Levels of what Diagnose says, the gravest first.
const (
	LevelFinding = "finding" // something to mend
	LevelUnknown = "unknown" // could not be looked at, and why
	LevelInfo    = "info"    // good to know
	LevelOK      = "ok"
)

// Diagnosis is one thing that Diagnose says about a database.
type Diagnosis struct {
	Level  string `json:"level"`
	Check  string `json:"check"`
	Detail string `json:"detail"`
	Remedy string `json:"remedy,omitempty"` // one sentence; of findings
}

// diagnoseTimeout is for one check: on a huge table some would read for long,
// and a doctor must not become what holds back vacuum.
const diagnoseTimeout = 20 * time.Second

// Each check is a transaction of its own, so that one which fails leaves the
// others, and a pooler sees no setting of the session.
var diagnoseBegin = fmt.Sprintf("BEGIN READ ONLY; SET LOCAL statement_timeout = %d; SET LOCAL jit = off; SET LOCAL search_path = pg_catalog", diagnoseTimeout.Milliseconds())

// check is one look: a statement that returns (level, detail, remedy), with
// what is said when it returns nothing; or a function.
type check struct {
	name  string
	sql   string
	fine  string
	do    func(context.Context, *patient, pgx.Tx) ([]Diagnosis, error)
	needs bool // the schema
}

var checks = []check{
	{name: "server", sql: diagnoseServerSQL},
	{name: "clock", do: diagnoseClock},
	{name: "pooler", do: diagnosePooler},
	{name: "schema", do: diagnoseSchema},
	{name: "roles", sql: diagnoseRolesSQL, fine: "the group roles exist and have their rights", needs: true},
	{name: "login", sql: diagnoseLoginSQL, needs: true},
	{name: "vacuum_horizon", do: diagnoseHorizon, fine: "no old snapshot holds back vacuum", needs: true},
	{name: "autovacuum", sql: diagnoseAutovacuumSQL, fine: "autovacuum is on, and the tables have their settings", needs: true},
	{name: "pending", sql: diagnosePendingSQL, fine: "every due job has a live executor that takes it", needs: true},
	{name: "pools", sql: diagnosePoolsSQL, fine: "no pool has more in use than its slots", needs: true},
	{name: "executors", sql: diagnoseExecutorsSQL, fine: "every executor lives, stopped or was reaped", needs: true},
	{name: "deadlines", sql: diagnoseDeadlinesSQL, fine: "no running job is far past its deadline", needs: true},
	{name: "invariants", do: diagnoseInvariants, needs: true},
}

// patient is the database that is looked at.
type patient struct {
	horizon time.Duration     // how old a snapshot may be
	names   *strings.Replacer // of the relations that this login may read
	pooled  bool
	schema  bool // it is there
}

// Diagnose looks for what is wrong with the queue in the database at url, where
// no snapshot should be older than horizon. The error is about the way there;
// what cannot be looked at is said in the result.
func Diagnose(ctx context.Context, url string, horizon time.Duration) ([]Diagnosis, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.ConnectTimeout = clientTimeout
	config.RuntimeParams["application_name"] = "tagexec doctor"
	config.DefaultQueryExecMode = pgx.QueryExecModeExec // named statements get lost behind a pooler
	p := &patient{horizon: horizon, names: strings.NewReplacer()}
	if p.pooled, err = meetsPooler(ctx, direct(config)); err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var all []Diagnosis
	for _, c := range checks {
		if c.needs && !p.schema {
			continue
		}
		said, err := p.examine(ctx, conn, c)
		if err != nil {
			return all, fmt.Errorf("look at %s: %w", c.name, err)
		}
		all = append(all, said...)
	}
	return all, nil
}

// examine makes one check. Its error means that nothing more can be asked.
func (p *patient) examine(ctx context.Context, conn *pgx.Conn, c check) (said []Diagnosis, err error) {
	bound, cancel := context.WithTimeout(ctx, diagnoseTimeout+clientTimeout)
	defer cancel()
	err = pgx.BeginTxFunc(bound, conn, pgx.TxOptions{BeginQuery: diagnoseBegin}, func(tx pgx.Tx) (err error) {
		if c.do != nil {
			said, err = c.do(bound, p, tx)
			return err
		}
		said, err = diagnoses(tx.Query(bound, p.names.Replace("-- tagexec: diagnose "+c.name+c.sql)))
		return err
	})
	switch {
	case err == nil:
	case conn.IsClosed() || code(err) == "":
		return nil, err
	case code(err) == "57014" && ctx.Err() == nil:
		said = []Diagnosis{{Level: LevelUnknown, Detail: fmt.Sprintf("not looked at: it took longer than %s", diagnoseTimeout)}}
	case code(err) == "42501":
		said = []Diagnosis{{Level: LevelUnknown, Detail: fmt.Sprintf("not looked at: this login may not (%s)", message(err))}}
	default:
		said = []Diagnosis{{Level: LevelUnknown, Detail: fmt.Sprintf("not looked at: %s", message(err))}}
	}
	if len(said) == 0 {
		said = []Diagnosis{{Level: LevelOK, Detail: c.fine}}
	}
	for i := range said {
		said[i].Check = c.name
	}
	return said, nil
}

// diagnoses collects what a statement returned.
func diagnoses(rows pgx.Rows, err error) ([]Diagnosis, error) {
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (d Diagnosis, err error) {
		err = row.Scan(&d.Level, &d.Detail, &d.Remedy)
		return d, err
	})
}
