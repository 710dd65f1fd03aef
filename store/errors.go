package store

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Errors that callers tell apart.
var (
	// ErrReaped: another executor found the lease over and took the jobs away;
	// register again under a new id.
	ErrReaped = errors.New("another executor reaped this one: its lease was over")
	// ErrNoBatch: no job was ever inserted or submitted under this batch key.
	ErrNoBatch = errors.New("no such batch")
)

// Unreachable tells whether err, which a method of Store returned, means that
// the database cannot be reached or cannot work right now, so that the same
// call may succeed later. A refused login or a missing database is no such error.
func Unreachable(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	switch c := code(err); {
	case c == "": // no answer of the server: it is the way to it
		return true
	case strings.HasPrefix(c, "08"), strings.HasPrefix(c, "53"):
		return true
	default:
		// Shut down, starting up, gone, read-only after a failover.
		return slices.Contains([]string{"57P01", "57P02", "57P03", "57P05", "25006"}, c)
	}
}

// badData tells whether err is about a value in the statement, so that the
// other rows of the statement can be stored without it.
func badData(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	return strings.HasPrefix(pg.Code, "22") || strings.HasPrefix(pg.Code, "23") || pg.Code == "54000" || pg.Code == "54001"
}

// code returns the SQLSTATE of err, or "".
func code(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// message returns what the server said, without its codes.
func message(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Message
	}
	return err.Error()
}
