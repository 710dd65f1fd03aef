//go:build duckdb

package duckdb

import (
	"context"
	"database/sql/driver"
	"errors"
	"net/url"
	"strings"
	"sync"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/tagexec/tagexec/executor/runner/sql"
)

// directories is the parameter that names those that jobs may read and write.
const directories = "directories"

// connector opens the file with a job and closes it with the job, so that other processes
// have their turn. Jobs that have it open at the same time share it, by the driver's doing.
type connector struct {
	dsn     string
	confine string     // what keeps jobs from other files; "": the DSN does
	opening sync.Mutex // that of one job is confined before another looks whether it is
}

func newConnector(u sql.URL) (driver.Connector, error) {
	if strings.ContainsAny(u.File(), "?#%") {
		return nil, errors.New("the URL names a file with ?, # or % in its path, which the driver cannot take")
	}
	c, settings := &connector{}, url.Values{}
	for name, value := range u.Settings {
		settings.Set(name, value)
	}
	switch list, given := u.Parameters[directories]; {
	case given && settings.Has(access):
		return nil, errors.New("the URL sets directories and set." + access + ": the first is for jobs that reach nothing else")
	case given: // the driver's configuration takes no list
		quoted := "'" + strings.ReplaceAll(strings.ReplaceAll(list, "'", "''"), ",", "', '") + "'"
		c.confine = "SET allowed_directories = [" + quoted + "]; SET " + access + " = false"
	case !settings.Has(access):
		settings.Set(access, "false")
	}
	c.dsn = u.File() + "?" + settings.Encode()
	return c, nil
}

// Connect opens the file.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	c.opening.Lock()
	defer c.opening.Unlock()
	file, err := duckdb.NewConnector(c.dsn, nil)
	if err != nil {
		return nil, err
	}
	opened, err := file.Connect(ctx)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	made := &conn{opened.(*duckdb.Conn), file}
	if err := c.confined(ctx, made); err != nil {
		return nil, errors.Join(err, made.Close())
	}
	return made, nil
}

// Driver is DuckDB's.
func (*connector) Driver() driver.Driver { return duckdb.Driver{} }
