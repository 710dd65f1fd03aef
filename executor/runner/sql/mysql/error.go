package mysql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/sql"
)

// noSavepoint is the errno of a savepoint that does not exist; it is also that of a
// missing function.
const noSavepoint = 1305

// connectionOver are the errnos by which a server says that it closes the connection:
// it shuts down, cannot read or write, or was told to.
var connectionOver = []uint16{1053, 1158, 1159, 1160, 1161, 1927, 4031}

// neverPasses are the errnos of statements that fail every time: the text is wrong, or
// names what does not exist. Not so a missing privilege, errors in the data, and
// everything about locks, resources and connections.
var neverPasses = []uint16{
	1064,                                           // syntax
	1049, 1051, 1054, 1109, 1146, 1193, 1305, 1630, // what does not exist: database, table, column, variable, function
	1052, 1055, 1060, 1061, 1091, 1111, 1136, 1140, 1222, 1235, 1295, 1318, 1582,
}

// isFromServer reports whether the server said it: the connection is still there.
func isFromServer(err error) bool {
	var server *mysql.MySQLError
	return errors.As(err, &server)
}

func isNumber(err error, number uint16) bool {
	var server *mysql.MySQLError
	return errors.As(err, &server) && server.Number == number
}

// isCrowded reports whether the server has as many connections as it allows, in all or
// of the login.
func isCrowded(err error) bool {
	return isNumber(err, 1040) || isNumber(err, 1203) || isNumber(err, 1226)
}

// isLost reports whether the connection went away, and neither the server nor we ended
// the statement.
func isLost(err error) bool {
	var ours *executor.Failure
	return err != nil && !errors.As(err, &ours) && !isFromServer(err) && !errors.Is(err, mysql.ErrPktTooLarge)
}

// failure turns an error of the driver into the error of the attempt, and writes all
// that the server says to the output.
func (s *session) failure(ctx context.Context, where string, err error) error {
	var (
		server *mysql.MySQLError
		ours   *executor.Failure
	)
	isServer := errors.As(err, &server)
	if isServer {
		fmt.Fprintf(s.job.Output, "ERROR %d (%s): %s\n", server.Number, server.SQLState[:], server.Message)
	}
	switch {
	case ctx.Err() != nil:
		return sql.Ended(ctx, where)
	case errors.As(err, &ours):
		return ours
	case isServer && !slices.Contains(connectionOver, server.Number):
		return sql.Failed(where, strconv.Itoa(int(server.Number)), publicMessage(server), s.link.dialect.neverPasses(server))
	case errors.Is(err, mysql.ErrPktTooLarge):
		return executor.Refusef(sql.BadPayload, "%s is longer than the server takes", where)
	case s.stored:
		return sql.CommitUnknown(where)
	}
	return sql.Lost(where)
}

func (d dialect) neverPasses(e *mysql.MySQLError) bool {
	if !d.atomic && e.Number == 1064 || e.Number == 1105 {
		return slices.ContainsFunc(d.syntax, func(text string) bool { return strings.Contains(e.Message, text) })
	}
	return slices.Contains(neverPasses, e.Number)
}
