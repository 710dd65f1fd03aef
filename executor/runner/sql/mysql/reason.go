package mysql

import (
	"errors"
	"strconv"

	"github.com/go-sql-driver/mysql"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/sql"
)

// refused says in our words why a server let nobody in: its own name the login.
var refused = map[uint16]string{
	1040: "the server allows no more connections",
	1044: "the server does not let this login into the database",
	1045: "the server does not accept the user or the password",
	1049: "the server has no database of this name",
	1129: "the server has blocked this host after many failed connections",
	1130: "the server does not let this host in",
	1203: "the server allows this login no more connections",
	1226: "the server allows this login no more connections",
	1698: "the server does not accept the user or the password",
	3159: "the server lets in only who uses TLS: the URL needs tls=true",
}

// connectFailure is the failure to get a connection, or to begin on one.
func connectFailure(err error) error {
	var (
		server *mysql.MySQLError
		ours   *executor.Failure
	)
	if errors.As(err, &ours) {
		return ours
	}
	if !errors.As(err, &server) {
		return sql.NoConnection(reason(err))
	}
	message, ok := refused[server.Number]
	if !ok {
		message = publicMessage(server)
	}
	return sql.Failed(sql.OnlyStatement, strconv.Itoa(int(server.Number)), message, false)
}

// reason names in a few words why a connection could not be made.
func reason(err error) string {
	switch {
	case errors.Is(err, errOtherProtocol), errors.Is(err, mysql.ErrPktSync), errors.Is(err, mysql.ErrPktSyncMul), errors.Is(err, mysql.ErrMalformPkt):
		return errOtherProtocol.Error()
	case errors.Is(err, mysql.ErrInvalidConn):
		return "the server hung up before it had let us in"
	case errors.Is(err, mysql.ErrNoTLS):
		return "the server has no TLS, but the URL asks for it"
	case errors.Is(err, mysql.ErrOldProtocol), errors.Is(err, mysql.ErrOldPassword), errors.Is(err, mysql.ErrNativePassword),
		errors.Is(err, mysql.ErrCleartextPassword), errors.Is(err, mysql.ErrUnknownPlugin):
		return "the server asks for a way to log in that is not known here"
	}
	return sql.Reason(err)
}
