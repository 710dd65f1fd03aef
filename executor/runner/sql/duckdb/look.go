//go:build duckdb

package duckdb

import (
	"database/sql/driver"
	"errors"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/sql"
)

// look refuses what the driver would run, and should not: several statements in one text,
// more arguments than there are places for, and the end of the transaction.
func look(raw any, st sql.Statement) (rows bool, err error) {
	prepared, err := raw.(driver.Conn).Prepare(st.Text)
	var told *duckdb.Error
	switch {
	case errors.As(err, &told):
		return false, err
	case err != nil: // Prepare takes one statement, and none else is an error of the driver
		return false, executor.Refusef(sql.BadPayload, "%s: the text does not hold one statement: several go into \"statements\"", st.Where)
	}
	defer prepared.Close()
	if takes := prepared.NumInput(); takes != len(st.Args) {
		return false, executor.Refusef(sql.BadPayload, "%s takes %d arguments, args holds %d", st.Where, takes, len(st.Args))
	}
	statement := prepared.(*duckdb.Stmt)
	kind, err := statement.StatementType()
	if err != nil {
		return false, err
	}
	switch kind {
	case duckdb.STATEMENT_TYPE_TRANSACTION:
		return false, executor.Refusef("transaction_ended", "%s would begin or end a transaction: the job is one, or has none with \"atomic\": false", st.Where)
	case duckdb.STATEMENT_TYPE_SELECT, duckdb.STATEMENT_TYPE_EXPLAIN, duckdb.STATEMENT_TYPE_PRAGMA, duckdb.STATEMENT_TYPE_CALL, duckdb.STATEMENT_TYPE_EXECUTE:
		return true, nil
	case duckdb.STATEMENT_TYPE_INSERT, duckdb.STATEMENT_TYPE_UPDATE, duckdb.STATEMENT_TYPE_DELETE:
		return returning(statement)
	}
	return false, nil
}

// returning reports whether a write returns something else than the number of its rows.
func returning(write *duckdb.Stmt) (bool, error) {
	columns, err := write.ColumnCount()
	if err != nil || columns != 1 {
		return err == nil, err
	}
	name, err := write.ColumnName(0)
	return name != count, err
}
