//go:build duckdb

package duckdb

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"

	"github.com/duckdb/duckdb-go/v2"
)

// conn is a connection that has the file open.
type conn struct {
	*duckdb.Conn
	file *duckdb.Connector
}

// Close closes both.
func (c *conn) Close() error { return errors.Join(c.Conn.Close(), c.file.Close()) }

// count is the column in which DuckDB returns how many rows a write has changed.
const count = "Count"

// ExecContext reads the count that DuckDB returns: that of the driver leaves out CREATE
// TABLE AS.
func (c *conn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	column, value, err := c.first(ctx, text, args)
	if err != nil {
		return nil, err
	}
	if rows, ok := value.(int64); ok && column == count {
		return driver.RowsAffected(rows), nil
	}
	return driver.RowsAffected(0), nil
}

// first returns the first value that a statement returns, and what its column is called.
func (c *conn) first(ctx context.Context, text string, args []driver.NamedValue) (column string, value driver.Value, err error) {
	rows, err := c.QueryContext(ctx, text, args)
	if err != nil {
		return "", nil, err
	}
	defer rows.Close()
	values := make([]driver.Value, len(rows.Columns()))
	if err := rows.Next(values); err != nil || len(values) == 0 {
		return "", nil, noneIsFine(err)
	}
	return rows.Columns()[0], values[0], nil
}

func noneIsFine(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
