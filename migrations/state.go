package migrations

import (
	"context"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
)

// readTimeout is the limit for reading the state, once connected.
const readTimeout = 10 * time.Second

// state is what a database has of the schema, by the table that every login may
// read which may use the schema.
type state struct {
	source
	versions map[int64]appliedVersion
	newest   int64 // version in the database; 0 without a schema
	nothing  bool  // of the schema is there
}

type appliedVersion struct {
	Version   int64
	AppliedAt time.Time
	CodeHash  string     // "" while there is no code
	CodeAt    *time.Time // when it was installed
}

const (
	beginSQL = "BEGIN READ ONLY; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL search_path = " + ownPath

	// The catalogs are open to every login.
	findVersionsSQL = `
SELECT count(*) FILTER (WHERE c.relname = 'schema_versions') > 0,
       count(*) FILTER (WHERE c.relname = 'goose_db_version' AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')) > 0
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'tagexec' AND c.relkind = 'r'`

	readVersionsSQL = `
SELECT version, applied_at, coalesce(code_hash, ''), code_installed_at
  FROM tagexec.schema_versions`
)

// read reads the state of the database at url and changes nothing there.
func (s source) read(ctx context.Context, url string) (*state, error) {
	config, err := connConfig(url)
	if err != nil {
		return nil, err
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	defer conn.Close(ctx)
	st := &state{source: s, versions: map[int64]appliedVersion{}}
	err = pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{BeginQuery: beginSQL}, func(tx pgx.Tx) error { return st.scan(ctx, tx) })
	return st, err
}

func (s *state) scan(ctx context.Context, tx pgx.Tx) error {
	var exists, noted bool
	if err := tx.QueryRow(ctx, findVersionsSQL).Scan(&exists, &noted); err != nil {
		return err
	}
	if noted { // by goose, and this login may read it
		var version int64
		if err := tx.QueryRow(ctx, developmentSQL, firstVersion).Scan(&version); err != nil {
			return err
		}
		if version > 0 {
			return developmentError(version)
		}
	}
	if !exists {
		s.nothing = !noted
		return nil
	}
	rows, err := tx.Query(ctx, readVersionsSQL)
	if err != nil {
		return err
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[appliedVersion])
	for _, v := range all {
		s.versions[v.Version] = v
		s.newest = max(s.newest, v.Version)
	}
	return err
}

// list returns the numbered files and the code with when they were applied. The
// code counts as pending if up would install it; that of a newer binary does not.
func (s *state) list() ([]Status, error) {
	names, err := fs.Glob(s.files, "*.sql")
	if err != nil {
		return nil, err
	}
	var (
		list  []Status
		known int64
	)
	for _, name := range names {
		if _, err := fmt.Sscanf(name, "%d_", &known); err != nil {
			return nil, fmt.Errorf("%s has no version in its name: %w", name, err)
		}
		list = append(list, Status{File: name, AppliedAt: s.versions[known].AppliedAt})
	}
	_, hash, err := readCode(s.files)
	code := Status{File: codeName}
	if v := s.versions[s.newest]; v.CodeAt != nil && (v.CodeHash == hash || s.newest > known) {
		code.AppliedAt = *v.CodeAt
	}
	return append(list, code), err
}

// nothingToDo reports whether up would find nothing to apply or to install.
func (s source) nothingToDo(ctx context.Context, url string) (bool, error) {
	state, err := s.read(ctx, url)
	if err != nil {
		return false, err
	}
	list, err := state.list()
	if err != nil {
		return false, err
	}
	for _, part := range list {
		if part.AppliedAt.IsZero() {
			return false, nil
		}
	}
	return true, nil
}
