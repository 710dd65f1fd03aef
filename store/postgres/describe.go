package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Describe returns the text of an error for people. What the driver says of a
// connection that it could not make has a line for each try of each address; here it
// is one sentence, which names the database and each reason once.
func Describe(err error) string {
	text := err.Error()
	var failed *pgconn.ConnectError
	if errors.As(err, &failed) {
		text = strings.Replace(text, failed.Error(), "cannot connect to "+address(failed.Config)+": "+reasons(failed), 1)
	}
	return strings.ReplaceAll(text, context.DeadlineExceeded.Error(), noAnswer)
}

// Locate names the database in an error that does not name it.
func (d *Database) Locate(err error) error {
	if failed := (*pgconn.ConnectError)(nil); err == nil || errors.As(err, &failed) {
		return err // Describe names it
	}
	return fmt.Errorf("%s: %w", d.Address(), err)
}

// reasons returns why each try failed.
func reasons(failed *pgconn.ConnectError) string {
	tries := []error{failed.Unwrap()}
	if several, ok := tries[0].(interface{ Unwrap() []error }); ok {
		tries = several.Unwrap()
	}
	var list []string
	for _, try := range tries {
		said := Reason(try)
		if server := (*pgconn.PgError)(nil); errors.As(try, &server) {
			said = server.Error()
			if server.Code == wrongPassword && failed.Config.Password == "" {
				said += ": no password is given, neither in the URL nor by PGPASSWORD or a file of passwords"
			}
		}
		if !slices.Contains(list, said) {
			list = append(list, said)
		}
	}
	if len(list) > 1 { // sslmode prefer, the default, goes on without TLS
		list = slices.DeleteFunc(list, func(said string) bool { return said == noTLS })
	}
	return strings.Join(list, "; ")
}

// wrongPassword is the SQLSTATE of a login without the right password.
const wrongPassword = "28P01"
