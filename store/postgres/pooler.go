package postgres

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"strings"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// transactionTimeout is a limit of the server, since version 17, for a whole transaction.
// Older servers refuse a session that names it.
const transactionTimeout, sinceVersion = "transaction_timeout", 17

// Probe is what FindPooler found.
type Probe struct {
	Pooled   bool              // a transaction-mode pooler answered
	Settings map[string]string // for a session of our own: those asked for, and that no limit of a whole transaction applies
}

// FindPooler connects with config and these settings for the session, and reports whether
// a transaction-mode pooler answered: it refuses the settings, or if it is told to ignore
// them, its session has another process than it said. The first answer may take as long
// as connecting.
func FindPooler(ctx context.Context, config *pgx.ConnConfig, settings map[string]string) (Probe, error) {
	found := Probe{Settings: maps.Clone(settings)}
	conn, err := connect(ctx, config, found.Settings)
	if err == nil && major(conn) >= sinceVersion { // a login's limit may leave no time for a statement that takes it away
		closeSoon(ctx, conn)
		found.Settings[transactionTimeout] = "0"
		conn, err = connect(ctx, config, found.Settings)
	}
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == pgerrcode.ProtocolViolation { // unsupported startup parameter
		found.Pooled = true
		return found, nil
	}
	if err != nil {
		return Probe{}, err
	}
	defer closeSoon(ctx, conn)
	ctx, cancel := context.WithTimeout(ctx, config.ConnectTimeout)
	defer cancel()
	var process uint32
	err = conn.QueryRow(ctx, "-- tagexec: find pooler\nSELECT pg_backend_pid()", pgx.QueryExecModeExec).Scan(&process)
	found.Pooled = process != conn.PgConn().PID()
	return found, err
}

func connect(ctx context.Context, config *pgx.ConnConfig, settings map[string]string) (*pgx.Conn, error) {
	config = config.Copy()
	maps.Copy(config.RuntimeParams, settings)
	return pgx.ConnectConfig(ctx, config)
}

// closeSoon ends a connection, within the time that connecting may take.
func closeSoon(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(ctx, conn.Config().ConnectTimeout)
	defer cancel()
	_ = conn.Close(ctx) // it is gone either way
}

// major is the major version of the server, 0 if it does not say.
func major(conn *pgx.Conn) int {
	version := conn.PgConn().ParameterStatus("server_version") // 15.18 (Debian …), 18beta1
	if end := strings.IndexFunc(version, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
		version = version[:end]
	}
	number, _ := strconv.Atoi(version)
	return number
}
