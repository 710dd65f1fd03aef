package bench

import (
	"context"
	"errors"
	"os/exec"
)

// Bench runs scenarios on one ground.
type Bench struct {
	Options
	ground     ground
	statements bool   // the server counts them
	program    string // River's, built
}

// Run runs a scenario and returns what it has shown. An error means that
// something went wrong; slow is no error.
func Run(ctx context.Context, s Scenario, o Options) (report *Report, err error) {
	err = with(ctx, o, func(b *Bench, settings Settings) error {
		b.Log("%s: %s", s.Name, settings)
		contests := s.contests(b)
		runs, err := b.race(ctx, contests)
		if err != nil {
			return err
		}
		report = newReport(s, settings, contests, runs)
		return nil
	})
	return report, err
}

// with prepares the ground, lets do work on it, and clears it.
func with(ctx context.Context, o Options, do func(*Bench, Settings) error) (err error) {
	b := &Bench{Options: o}
	open := b.openGiven
	if o.Server != nil {
		open = b.openEmbedded
	}
	if b.ground, err = open(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.ground.close(context.WithoutCancel(ctx))) }()
	b.statements = statementsCounted(ctx, b.ground.admin())
	if err := b.buildRiver(ctx); err != nil {
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

// worker is a process of our own side.
func (b *Bench) worker(ctx context.Context) *exec.Cmd {
	cmd := exec.CommandContext(ctx, b.Executable)
	cmd.Args = []string{"tagexec", "bench", "worker"} // a test binary goes by its name
	return cmd
}
