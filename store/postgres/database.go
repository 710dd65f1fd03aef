package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// defaultConnectTime is the time to connect where neither the URL nor the
// environment sets connect_timeout.
const defaultConnectTime = 10 * time.Second

const (
	cacheCapacity     = 512 // statements that a connection remembers
	healthCheckPeriod = time.Minute
)

// Database is a database that a URL leads to. Its methods may be called
// concurrently.
type Database struct {
	config *pgxpool.Config
	sized  bool // the URL or the environment sets the size of a pool
}

// Queue reads the URL of a queue's database. The error is a *URLError.
//
// Its sessions are set as our statements need them, whatever the environment and
// the settings of the login and the database say: in UTF-8, with dates, times and
// strings written as usual. These four settings a pooler knows too.
func Queue(url string) (*Database, error) {
	d, err := parse(url, queueRules)
	if err != nil {
		return nil, err
	}
	set := d.config.ConnConfig.RuntimeParams
	delete(set, "options") // PGOPTIONS is for psql and the like
	maps.Copy(set, map[string]string{
		"client_encoding": "UTF8", "datestyle": "ISO, MDY", "timezone": "UTC", "standard_conforming_strings": "on",
	})
	return d, nil
}

// Source reads the URL of a database that SQL jobs run on. The error is a
// *URLError. Its sessions speak UTF-8; their settings are else those of the URL.
// The URL may also set pool_max_conns and pool_max_conn_lifetime.
func Source(url string) (*Database, error) {
	d, err := parse(url, sourceRules)
	if err != nil {
		return nil, err
	}
	set := d.config.ConnConfig.RuntimeParams
	maps.DeleteFunc(set, func(name, _ string) bool { return strings.EqualFold(name, "client_encoding") })
	set["client_encoding"] = "UTF8"
	return d, nil
}

// parse reads a URL, and a file that it names.
func parse(url string, r rules) (*Database, error) {
	url = strings.TrimSpace(url) // a file of secrets ends with a line break
	p, err := read(url)
	if err == nil {
		err = r.check(p)
	}
	if err != nil {
		return nil, err
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, refuse(reason(err, p))
	}
	conn := config.ConnConfig
	for _, name := range slices.Sorted(maps.Keys(conn.RuntimeParams)) {
		fromService := !slices.Contains([]string{"options", "timezone", "application_name"}, name) // by PGOPTIONS, PGTZ, PGAPPNAME
		if _, fromURL := p[name]; !fromURL && fromService && !r.allows(strings.ToLower(name), conn.RuntimeParams[name]) {
			return nil, refuse(fmt.Sprintf("leads to a service that sets %s: %s", name, r.reason))
		}
	}
	switch {
	case strings.Contains(conn.User, ":"):
		return nil, refuse("has a user that holds a colon: write the : between user and password as it is")
	case strings.Contains(conn.Database, "://"):
		return nil, refuse("names another URL as its database")
	case slices.ContainsFunc(hosts(&conn.Config), func(h string) bool { return strings.ContainsAny(h[:max(0, strings.LastIndexByte(h, ':'))], "@?") }):
		return nil, refuse("names a host that is none")
	case config.MaxConnLifetime < time.Second:
		return nil, refuse("sets pool_max_conn_lifetime to less than 1s")
	}
	conn.ConnectTimeout = cmp.Or(conn.ConnectTimeout, defaultConnectTime)
	conn.DialFunc = (&net.Dialer{}).DialContext
	conn.LookupFunc = func(ctx context.Context, host string) ([]string, error) {
		ctx, cancel := context.WithTimeout(ctx, conn.ConnectTimeout)
		defer cancel()
		return net.DefaultResolver.LookupHost(ctx, host)
	}
	// The driver's defaults: a service could change them.
	conn.DefaultQueryExecMode, conn.StatementCacheCapacity, conn.DescriptionCacheCapacity = pgx.QueryExecModeCacheStatement, cacheCapacity, cacheCapacity
	config.MinConns, config.MinIdleConns, config.HealthCheckPeriod = 0, 0, healthCheckPeriod
	_, fromURL := p["pool_max_conns"]
	return &Database{config: config, sized: fromURL}, nil
}

// reason says why the driver cannot use a URL that is written right.
func reason(err error, p parameters) string {
	said := "has parameters that cannot be used"
	// What comes before quotes the URL, in which no backquote and no blank stands.
	if _, after, ok := strings.Cut(err.Error(), "`: "); ok {
		after, _, _ = strings.Cut(after, " (strconv.") // which quotes the value
		said = "cannot be used: " + after
	}
	var file *fs.PathError
	if errors.As(err, &file) {
		said = fmt.Sprintf("names a file that cannot be read: %s: %v", file.Path, file.Err)
	}
	if set := environment(); set != "" {
		said += "; the environment adds " + set
	}
	return said
}

// Address is where the database is, for people: user@host:port/database. It holds
// no password.
func (d *Database) Address() string { return address(&d.config.ConnConfig.Config) }

func address(conn *pgconn.Config) string {
	address := strings.Join(hosts(conn), ",")
	if conn.User != "" {
		address = conn.User + "@" + address
	}
	if conn.Database != "" {
		address += "/" + conn.Database
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, address)
}

// hosts returns the hosts with their ports, in the order in which they are tried.
func hosts(conn *pgconn.Config) []string {
	list := []string{net.JoinHostPort(conn.Host, strconv.Itoa(int(conn.Port)))}
	for _, f := range conn.Fallbacks {
		if host := net.JoinHostPort(f.Host, strconv.Itoa(int(f.Port))); !slices.Contains(list, host) {
			list = append(list, host)
		}
	}
	return list
}

// Password is that of the login, from wherever it comes. It is "" also where the
// password is the name of the user or the database: that is none, and in every text.
func (d *Database) Password() string {
	conn := d.config.ConnConfig
	if conn.Password == conn.User || conn.Password == conn.Database {
		return ""
	}
	return conn.Password
}

// Name is what sessions call themselves: as the URL says, else application.
func (d *Database) Name(application string) string {
	return cmp.Or(d.config.ConnConfig.RuntimeParams["application_name"], application)
}

// Config returns a config for single connections.
func (d *Database) Config(application string) *pgx.ConnConfig {
	config := d.config.ConnConfig.Copy()
	config.RuntimeParams["application_name"] = application
	return config
}
