package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/executor/runner/shield"
)

// Streams are the streams of one call: results go to Out, everything else to Err.
type Streams struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
}

// headroom counts as heap in use, so at GOGC=100 that many bytes more of garbage
// gather before the collector runs: by itself, on a live heap of a few MB, it was
// seen to take a fourth of a busy executor's CPU time. Nobody touches these bytes,
// so only the garbage takes memory. GOGC and GOMEMLIMIT work as ever.
const headroom = 16 << 20

// Main is the main function of a program whose commands are built by root. It
// does not return. Process 1 of a container becomes an init and runs the program
// as its child.
func Main(root func(Streams) *cobra.Command) {
	shield.Descriptors()
	if code, isInit := asInit(); isInit {
		os.Exit(code)
	}
	// Jobs run commands of this user: what we know is not for them.
	shield.Environment()
	shield.Memory()
	unused := make([]byte, headroom)
	log.SetOutput(quiet{os.Stderr})
	// A reader that closed our pipe must not end jobs. Notified, not ignored:
	// commands would inherit an ignored signal.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	code := Run(context.Background(), root, os.Args[1:], Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	runtime.KeepAlive(unused)
	os.Exit(code)
}

// Run runs one command line and returns the exit code of the process. Where
// stdout takes nothing (a full disk), what the command was asked for is missing:
// that is an error of the caller, if nothing else went wrong. A reader of stdout
// that reads nothing is waited for, but not beyond a signal or EndAt.
func Run(ctx context.Context, root func(Streams) *cobra.Command, args []string, std Streams) int {
	outlet := newOutlet()
	out := &output{raw: std.Out, outlet: outlet, result: true}
	std.Out, std.Err = out, &output{raw: std.Err, outlet: outlet}
	cmd := root(std)
	code := execute(context.WithValue(ctx, outletKey{}, outlet), cmd, args, std)
	switch err := out.lost(); {
	case errors.Is(err, errUnread):
		code = cmp.Or(code, ExitTimeout) // a signal has its own
	case err != nil:
		PrintError(std.Err, cmd.Name(), fmt.Errorf("the result could not be written to stdout: %w", err))
		code = cmp.Or(code, ExitUsage)
		outlet.flush()
	}
	return code
}

func execute(ctx context.Context, cmd *cobra.Command, args []string, std Streams) int {
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.CompletionOptions.HiddenDefaultCmd = true
	refuseRepeats(cmd)
	refuseTopics(cmd, args)
	refuseUnknown(cmd)
	began := false
	cmd.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if err := cmd.ValidateFlagGroups(); err != nil {
			return Usagef("%w", err)
		}
		began = true
		return nil
	}
	cmd.SetArgs(args)
	cmd.SetIn(std.In)
	cmd.SetOut(std.Out)
	cmd.SetErr(std.Err)
	ctx, stop := UntilSignal(ctx)
	defer stop()
	err := cmd.ExecuteContext(ctx)
	if cause := signalOf(ctx); cause != nil && err != nil && !errors.Is(err, errSilent) {
		err = cause // what it led to says less
	}
	if err != nil && !errors.Is(err, errSilent) {
		PrintError(std.Err, cmd.Name(), err)
	}
	if !began && err != nil {
		return ExitUsage // cobra's own errors: an unknown command or flag
	}
	return ExitCode(err)
}

// NoArgs refuses positional arguments with a message that names them.
func NoArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return Usagef("%s takes no argument, got %q; options begin with --", cmd.CommandPath(), args[0])
	}
	return nil
}
