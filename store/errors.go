package store

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgerrcode"
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

// Unreachable reports whether err, which a method of Store returned, means that
// the database cannot be reached or cannot work right now, so that the same
// call may succeed later. A refused login or a missing database is no such error.
func Unreachable(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	switch c := code(err); {
	case c == "": // no answer of the server: it is the way to it
		return true
	case class(c) == connectionException, class(c) == insufficientResources:
		return true
	default:
		// Shut down, starting up, gone, read-only after a failover.
		return slices.Contains([]string{pgerrcode.AdminShutdown, pgerrcode.CrashShutdown, pgerrcode.CannotConnectNow,
			pgerrcode.IdleSessionTimeout, pgerrcode.ReadOnlySQLTransaction}, c)
	}
}

// badData reports whether err is about a value, so that another value may be
// stored in its place.
func badData(err error) bool {
	return slices.Contains([]string{dataException, constraintViolation, limitExceeded}, class(code(err)))
}

// badRow reports whether err is about one row of the statement, its values or
// what is stored of it, so that the statement works without that row. try_jobs
// tells the same errors from others.
func badRow(err error) bool {
	return (badData(err) || slices.Contains([]string{checkOptionViolation, systemError, raised, internalError}, class(code(err)))) && !keyTaken(err)
}

// keyTaken reports whether a claim failed because another executor has just
// claimed a job with the same mutex key.
func keyTaken(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == pgerrcode.UniqueViolation && pg.ConstraintName == "tag_jobs_one_running_per_mutex_key"
}

// cutOff reports whether a statement failed because its time was over.
func cutOff(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || code(err) == pgerrcode.QueryCanceled
}

// Classes of SQLSTATEs: pgerrcode's own predicates know single codes only.
const (
	connectionException   = "08"
	dataException         = "22"
	constraintViolation   = "23"
	checkOptionViolation  = "44"
	insufficientResources = "53"
	limitExceeded         = "54"
	systemError           = "58" // a file cannot be read
	raised                = "P0" // by a trigger
	internalError         = "XX" // damaged data
)

// class returns the first two characters of a SQLSTATE.
func class(code string) string { return code[:min(2, len(code))] }

// code returns the SQLSTATE of err, or "".
func code(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}
