package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// signalError is the cause of a context that a signal ended.
type signalError struct{ signal syscall.Signal }

func (e signalError) Error() string { return "ended by " + unix.SignalName(e.signal) }

// code is 130 for SIGINT and 143 for SIGTERM.
func (e signalError) code() int { return exitSignal + int(e.signal) }

// UntilSignal returns a context that ends at the first SIGINT or SIGTERM (or
// SIGHUP: the terminal was closed), with a signalError as its cause. A second
// signal ends the process at once.
func UntilSignal(parent context.Context) (context.Context, context.CancelFunc) {
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
				EndAt(ctx, time.Now())
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

// signalOf returns the signal that ended a context, or nil.
func signalOf(ctx context.Context) error {
	if e := (signalError{}); errors.As(context.Cause(ctx), &e) {
		return e
	}
	return nil
}

// Signalled returns the exit code of a context that a signal ended.
func Signalled(ctx context.Context) (code int, yes bool) {
	e := signalOf(ctx)
	return ExitCode(e), e != nil
}
