package postgres

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// refusedTLS is what the driver says, in an error without a type, when the server
// has no TLS.
const refusedTLS = "server refused TLS connection"

// unknownMessage is what it says, likewise, to a protocol that is not Postgres'.
const unknownMessage = "unknown message type"

const (
	noTLS    = "the server has no TLS, but sslmode asks for it"
	noAnswer = "no answer in time"
)

// Reason names in a few words why a connection could not be made, without the
// address and the login.
func Reason(err error) string {
	var (
		dns       *net.DNSError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		op        *net.OpError
		foreign   *pgproto3.ExceededMaxBodyLenErr // its text read as the length of a message
		errno     syscall.Errno
	)
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return "host name not found"
	case errors.As(err, &dns):
		return "host name not found: no name server answered"
	case errors.As(err, &authority):
		return "the server's certificate is signed by an unknown authority (sslrootcert names the file of those that are known)"
	case errors.As(err, &host):
		return "the server's certificate is for another host name"
	case errors.As(err, &invalid):
		return "the server's certificate is not valid: " + invalid.Error()
	case errors.As(err, &record):
		return "the server does not answer in TLS"
	case errors.As(err, &foreign), strings.Contains(err.Error(), unknownMessage):
		return "what answers there is not Postgres"
	case strings.Contains(err.Error(), refusedTLS):
		return noTLS
	case errors.As(err, &op) && op.Op == "remote error":
		return "the server refused our side of TLS: " + op.Err.Error()
	case pgconn.Timeout(err), errors.As(err, &op) && op.Timeout():
		return noAnswer
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the server hung up before it had let us in"
	case notWanted(err) != nil:
		return "the " + notWanted(err).Error() + ", and target_session_attrs asks for another"
	case strings.Contains(err.Error(), "channel binding check failed"):
		return "the server offers no channel binding, but channel_binding asks for it"
	case errors.As(err, &errno):
		return errno.Error() // connection refused, no route to host, …
	case errors.As(err, &op):
		return op.Err.Error()
	}
	return "out of reach"
}

// notWanted returns what target_session_attrs found wrong with a server, or nil.
func notWanted(err error) error {
	for _, e := range []error{pgconn.ErrReadOnlyConnection, pgconn.ErrReadWriteConnection, pgconn.ErrPrimaryConnection, pgconn.ErrStandbyConnection} {
		if errors.Is(err, e) {
			return e
		}
	}
	return nil
}
