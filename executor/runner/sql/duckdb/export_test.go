//go:build duckdb

package duckdb

import (
	"context"
	"database/sql/driver"
	"maps"
	"slices"
	"sync"

	"github.com/tagexec/tagexec/executor/runner/sql"
)

// running are the statements that the driver has begun and not ended: DuckDB has no list
// of them. The key is a number of its own for each.
var running struct {
	sync.Mutex
	texts map[*string]bool
}

func init() {
	engine.Connector = func(u sql.URL) (driver.Connector, error) {
		c, err := newConnector(u)
		return watched{c}, err
	}
}

// Connector connects to the file of a URL beside the engine, as the engine does.
func Connector(url string) (driver.Connector, error) {
	u, err := sql.ParseFile(url)
	if err != nil {
		return nil, err
	}
	return newConnector(u)
}

// Running returns the statements of all jobs in this process.
func Running() (texts []string) {
	running.Lock()
	defer running.Unlock()
	for text := range maps.Keys(running.texts) {
		texts = append(texts, *text)
	}
	return slices.Sorted(slices.Values(texts))
}

func begun(text string) (ended func()) {
	running.Lock()
	defer running.Unlock()
	if running.texts == nil {
		running.texts = map[*string]bool{}
	}
	running.texts[&text] = true
	return func() {
		running.Lock()
		defer running.Unlock()
		delete(running.texts, &text)
	}
}

type watched struct{ driver.Connector }

func (w watched) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := w.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return watchedConn{opened.(*conn)}, nil
}

type watchedConn struct{ *conn }

func (w watchedConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	defer begun(text)()
	return w.conn.ExecContext(ctx, text, args)
}

func (w watchedConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	defer begun(text)()
	return w.conn.QueryContext(ctx, text, args)
}
