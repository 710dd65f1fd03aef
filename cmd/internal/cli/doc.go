// Package cli is what the commands of this module have in common: how an error
// becomes an exit code, how a signal ends a context, where results, logs and
// progress go.
package cli
