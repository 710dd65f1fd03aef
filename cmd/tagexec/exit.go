package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/tagexec/tagexec/store"
)

// Exit codes, as the contract gives them.
const (
	exitOK          = 0
	exitJobs        = 1 // a job failed or was cancelled
	exitFindings    = 1 // doctor found something to mend
	exitUsage       = 2 // wrong usage or configuration
	exitUnreachable = 3 // database out of reach
	exitTimeout     = 4 // limit of --timeout reached
	exitSignal      = 128
)

// exitError is an error that chose its exit code.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// errSilent marks an error about which everything has been printed.
var errSilent = errors.New("")

// exit ends a command with a code and nothing more to say.
func exit(code int) error {
	if code == exitOK {
		return nil
	}
	return &exitError{code, errSilent}
}

// usagef is an error of the caller: wrong arguments or configuration.
func usagef(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

// exitCode maps an error to the exit code of the process.
func exitCode(err error) int {
	var (
		chosen *exitError
		schema *store.SchemaError
	)
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &chosen):
		return chosen.code
	case errors.As(err, &schema):
		return exitUsage
	case store.Unreachable(err):
		return exitUnreachable
	}
	return exitUsage
}

// signalError is the cause of a context that a signal ended.
type signalError struct{ signal syscall.Signal }

func (e signalError) Error() string { return "ended by " + unix.SignalName(e.signal) }

// code is 130 for SIGINT and 143 for SIGTERM.
func (e signalError) code() int { return exitSignal + int(e.signal) }

// untilSignal returns a context that ends at the first SIGINT or SIGTERM (or
// SIGHUP: the terminal was closed), with a signalError as its cause. A second
// signal ends the process at once.
func untilSignal(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // by nohup
		signal.Notify(signals, syscall.SIGHUP)
	}
	done := make(chan struct{})
	go func() {
		for first := true; ; first = false {
			select {
			case s := <-signals:
				e := signalError{s.(syscall.Signal)}
				if !first {
					os.Exit(e.code())
				}
				cancel(e)
			case <-done:
				return
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel(nil)
	}
}

// signalled returns the exit code of a context that a signal ended.
func signalled(ctx context.Context) (code int, yes bool) {
	var e signalError
	if errors.As(context.Cause(ctx), &e) {
		return e.code(), true
	}
	return 0, false
}
