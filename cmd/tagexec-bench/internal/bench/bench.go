package bench

import (
	"context"
	"errors"
	"os/exec"
)

// Bench runs scenarios on one setup.
type Bench struct {
	Options
	setup      setup
	statements bool                // the server counts statements
	programs   map[string][]string // of peers, how to start them
}

// Run runs a scenario and returns its report. An error means that a run failed;
// slow is no error.
func Run(ctx context.Context, s Scenario, o Options) (report *Report, err error) {
	err = with(ctx, o, func(b *Bench, settings Settings) error {
		b.Log("%s: %s", s.Name, settings)
		comparisons := s.comparisons(b)
		runs, err := b.measure(ctx, comparisons)
		if err != nil {
			return err
		}
		report = newReport(s, settings, comparisons, runs)
		return nil
	})
	return report, err
}

// with opens the setup, calls do and closes the setup.
func with(ctx context.Context, o Options, do func(*Bench, Settings) error) (err error) {
	b := &Bench{Options: o}
	open := b.openGiven
	if o.Server != nil {
		open = b.openEmbedded
	}
	if b.setup, err = open(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.setup.close(context.WithoutCancel(ctx))) }()
	b.statements = statementsCounted(ctx, b.setup.admin())
	if err := b.buildPeers(ctx); err != nil {
		return err
	}
	settings, err := b.settings(ctx)
	if err == nil {
		err = do(b, settings)
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return err
}

// worker is a process that runs this program.
func (b *Bench) worker(ctx context.Context) *exec.Cmd {
	cmd := exec.CommandContext(ctx, b.Executable)
	cmd.Args = []string{"tagexec-bench", "worker"} // a test binary goes by its name
	return cmd
}
