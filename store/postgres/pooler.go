package postgres

import (
	"context"
	"errors"
	"maps"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// FindPooler connects once with config and these settings for the session, and
// reports whether a transaction-mode pooler answered: it refuses the settings, or
// if it is told to ignore them, its session has another process than it said. The
// first answer may take as long as connecting.
func FindPooler(ctx context.Context, config *pgx.ConnConfig, settings map[string]string) (bool, error) {
	config = config.Copy()
	maps.Copy(config.RuntimeParams, settings)
	conn, err := pgx.ConnectConfig(ctx, config)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == pgerrcode.ProtocolViolation { // unsupported startup parameter
		return true, nil
	}
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, config.ConnectTimeout)
	defer cancel()
	defer conn.Close(ctx)
	var process uint32
	err = conn.QueryRow(ctx, "-- tagexec: find pooler\nSELECT pg_backend_pid()", pgx.QueryExecModeExec).Scan(&process)
	return process != conn.PgConn().PID(), err
}
