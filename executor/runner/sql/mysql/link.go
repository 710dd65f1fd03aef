package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/tagexec/tagexec/executor/runner/sql"
)

// link is a connection of the driver, used without the pool of database/sql. A context
// that ends only closes it: what it runs goes on in the server.
type link struct {
	conn
	id      string // the server's, for KILL
	address string // that it was made to: a name may stand for several servers
	dialect dialect
	server  sql.Server
}

type conn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
}

// errOtherProtocol is told by what the driver cannot read.
var errOtherProtocol = errors.New("what answers there does not speak the protocol of MySQL")

// connect connects and asks the server who it is.
func (e *engine) connect(ctx context.Context, address string) (made *link, err error) {
	defer func() {
		if recover() != nil { // the driver trusts the lengths in a greeting
			made, err = nil, errOtherProtocol
		}
	}()
	l := &link{}
	connector, err := mysql.NewConnector(e.config(address, l))
	if err != nil {
		return nil, err
	}
	opened, err := connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	l.conn = opened.(conn)
	if err := l.introduce(ctx, e); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func (e *engine) config(address string, l *link) *mysql.Config {
	config := mysql.NewConfig()
	config.User, config.Passwd = e.User, e.Pass
	config.Net, config.Addr = "tcp", address
	config.DBName = strings.Join(e.Path, "")
	config.TLS = e.TLS
	config.ClientFoundRows = true // counts what matches, as Postgres does, not what changes
	config.ConnectionAttributes = "program_name:tagexec job"
	config.Logger = &mysql.NopLogger{} // the errors say it
	config.Params = map[string]string{}
	for name, value := range e.Settings {
		config.Params[name] = literal(value)
	}
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		socket, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err == nil {
			l.address = socket.RemoteAddr().String()
		}
		return socket, err
	}
	return config
}

// literal writes a value for SET: a number as it is, all else as text.
func literal(value string) string {
	if _, err := strconv.ParseInt(value, 10, 64); err == nil {
		return value
	}
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(value) + "'"
}

// introduce asks the server what it is and how it calls the connection.
func (l *link) introduce(ctx context.Context, e *engine) error {
	_, rows, err := l.read(ctx, "SELECT CONNECTION_ID(), VERSION(), @@version_comment")
	if err != nil {
		return err
	}
	if len(rows) != 1 {
		return errOtherProtocol
	}
	l.id = rows[0][0]
	version, comment := rows[0][1], rows[0][2]
	is, known := recognize(version, comment)
	switch {
	case !known:
		is = e.dialect
	case is.atomic != e.dialect.atomic, !is.atomic && is.product != e.dialect.product:
		return e.wrongScheme(is)
	}
	l.dialect, l.server = is, is.server(version, comment)
	return nil
}

// run runs a statement of ours.
func (l *link) run(ctx context.Context, format string, args ...any) error {
	_, err := l.ExecContext(ctx, fmt.Sprintf(format, args...), nil)
	return err
}

// read runs a query of ours and returns its columns, and all rows as text.
func (l *link) read(ctx context.Context, query string) (columns []string, list [][]string, err error) {
	rows, err := l.QueryContext(ctx, query, nil)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	values := make([]driver.Value, len(rows.Columns()))
	for {
		if err := rows.Next(values); err == io.EOF {
			return rows.Columns(), list, nil
		} else if err != nil {
			return nil, nil, err
		}
		row := make([]string, len(values))
		for i, value := range values {
			if text, ok := value.([]byte); ok {
				row[i] = string(text)
			} else if value != nil {
				row[i] = fmt.Sprint(value)
			}
		}
		list = append(list, row)
	}
}

// close closes the connection: the server rolls back what is open.
func (l *link) close() { _ = l.Close() }
