package metrics

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5/pgconn"
)

// class says in one word why the database failed.
func class(err error) string {
	var server *pgconn.PgError
	if !errors.As(err, &server) {
		if errors.Is(err, context.DeadlineExceeded) || pgconn.Timeout(err) {
			return "timeout"
		}
		return "connection"
	}
	code := server.Code
	switch {
	case code == pgerrcode.QueryCanceled:
		return "timeout"
	case slices.Contains([]string{pgerrcode.AdminShutdown, pgerrcode.CrashShutdown, pgerrcode.CannotConnectNow, pgerrcode.ReadOnlySQLTransaction}, code):
		return "shutdown"
	case pgerrcode.IsConnectionException(code):
		return "connection"
	case pgerrcode.IsInsufficientResources(code):
		return "resources"
	case pgerrcode.IsTransactionRollback(code), code == pgerrcode.LockNotAvailable:
		return "lock"
	case code == pgerrcode.InsufficientPrivilege, pgerrcode.IsInvalidAuthorizationSpecification(code):
		return "rights"
	}
	return "other"
}
