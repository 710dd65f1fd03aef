package cli

import (
	"errors"
	"fmt"

	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/postgres"
)

// Exit codes, as the contract gives them.
const (
	ExitOK          = 0
	ExitJobs        = 1 // a job failed or was cancelled
	ExitFindings    = 1 // doctor found something to mend
	ExitUsage       = 2 // wrong usage or configuration
	ExitUnreachable = 3 // database out of reach
	ExitTimeout     = 4 // limit of --timeout reached
	exitSignal      = 128
)

// Error is an error that chose its exit code.
type Error struct {
	Code int
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// errSilent marks an error about which everything has been printed.
var errSilent = errors.New("")

// Exit ends a command with a code and nothing more to say.
func Exit(code int) error {
	if code == ExitOK {
		return nil
	}
	return &Error{code, errSilent}
}

// Usagef is an error of the caller: wrong arguments or configuration.
func Usagef(format string, args ...any) error {
	return &Error{ExitUsage, fmt.Errorf(format, args...)}
}

// ExitCode maps an error to the exit code of the process.
func ExitCode(err error) int {
	var (
		chosen  *Error
		signal  signalError
		schema  *store.SchemaError
		version *migrations.VersionError
		url     *postgres.URLError
		refused *migrations.RefusedError
	)
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &chosen):
		return chosen.Code
	case errors.As(err, &signal):
		return signal.code()
	case errors.As(err, &schema), errors.As(err, &version), errors.As(err, &refused), errors.As(err, &url):
		return ExitUsage
	case store.Unreachable(err):
		return ExitUnreachable
	}
	return ExitUsage
}
