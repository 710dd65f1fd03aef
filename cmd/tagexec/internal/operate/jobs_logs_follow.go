package operate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/cmd/internal/wait"
	"github.com/tagexec/tagexec/store/report"
)

const (
	// livePause is between two looks for more output.
	livePause = 500 * time.Millisecond
	// watchPause is between two renewals of a watch, which lasts for 15 seconds.
	watchPause = 5 * time.Second
	// followLimit is how long one look may take.
	followLimit = 3 * time.Second
)

// outputFollower prints what one attempt of a job prints.
type outputFollower struct {
	std     cli.Streams
	r       *report.Reader
	id      int64
	tag     string
	attempt int    // 0: not known yet
	told    string // what was said last of a job that waits

	watched time.Time // when the watch was renewed last
	noLive  bool      // this server shows none
	shown   strings.Builder
	from    int64 // where the next chunk begins
	printed int64 // OutputBytes of the last chunk
}

// followOutput prints what an attempt prints while it runs, and in the end what was
// recorded beyond that. attempt 0 is the one that runs, or is to run next.
func followOutput(ctx context.Context, std cli.Streams, look *listing.Look, r *report.Reader, id int64, attempt int) error {
	f := &outputFollower{std: std, r: r, id: id, attempt: attempt}
	for first := true; ; first = false {
		ended, err := f.look(ctx)
		code := 0
		if err == nil && ended {
			code, err = f.end(ctx, look)
		}
		switch {
		case ctx.Err() != nil: // said below
		case err == nil && ended:
			return cli.Exit(code)
		case err != nil && (first || !report.Passing(err)):
			return err
		}
		if err := wait.For(ctx, livePause); err != nil {
			if code, signalled := cli.Signalled(ctx); signalled {
				return cli.Exit(code)
			}
			return err
		}
	}
}

// look prints what is new, and reports whether the attempt has ended.
func (f *outputFollower) look(ctx context.Context) (ended bool, err error) {
	// Where the job stands is asked first: what was printed before its end is then there.
	now, err := f.r.Standing(ctx, f.id)
	if err != nil {
		return false, err
	}
	f.tag = now.Tag
	final := now.State != "pending" && now.State != "running"
	if f.attempt == 0 {
		if f.attempt = now.Attempt; now.State == "pending" {
			f.attempt++
		}
	}
	switch {
	case final && now.Attempt < f.attempt:
		return true, nil
	case now.Attempt > f.attempt, now.Attempt == f.attempt && now.State != "running":
		return true, f.print(ctx)
	}
	if err := f.watch(ctx); err != nil {
		return false, err
	}
	if now.Attempt < f.attempt {
		return false, f.sayWhy(ctx)
	}
	return false, f.print(ctx)
}

// watch renews the watch if it is time.
func (f *outputFollower) watch(ctx context.Context) error {
	if f.noLive || time.Since(f.watched) < watchPause {
		return nil
	}
	_, err := f.r.Watch(ctx, f.id)
	if f.isNoPrimary(err) {
		return nil
	}
	if err == nil {
		f.watched = time.Now()
	}
	return err
}

func (f *outputFollower) isNoPrimary(err error) bool {
	var primary *report.PrimaryError
	if !errors.As(err, &primary) {
		return false
	}
	f.noLive = true
	f.say("%v; what is recorded is printed when the attempt ends.", primary)
	return true
}

// print prints the chunks that have come.
func (f *outputFollower) print(ctx context.Context) error {
	if f.noLive {
		return nil
	}
	chunks, err := f.r.Chunks(ctx, f.id, f.attempt, f.from)
	if f.isNoPrimary(err) {
		return nil
	}
	for _, c := range chunks {
		if c.AtByte > f.from {
			f.say("%s of the output are not there any more, as after a failover.", listing.Plural(int(c.AtByte-f.from), "byte"))
		}
		f.shown.WriteString(c.Chunk)
		f.from, f.printed = c.AtByte+int64(len(c.Chunk)), c.OutputBytes
		fmt.Fprint(f.std.Out, c.Chunk)
	}
	return err
}

// sayWhy says why the job does not run yet, whenever that changes.
func (f *outputFollower) sayWhy(ctx context.Context) error {
	job, err := f.r.Explanation(ctx, f.id)
	if err == nil && job.State == "pending" && job.Explanation != f.told {
		f.told = job.Explanation
		f.say("Attempt %d of job %d (%s) has not begun: %s.", f.attempt, f.id, f.tag, job.Explanation)
	}
	return err
}

// end prints what was recorded beyond what was shown, and says how the attempt ended.
// It returns the exit code for that.
func (f *outputFollower) end(ctx context.Context, look *listing.Look) (code int, err error) {
	o, found, err := f.r.Output(ctx, f.id, f.attempt)
	if err != nil {
		return 0, err
	}
	job, err := f.r.Explanation(ctx, f.id)
	if err != nil {
		return 0, err
	}
	if !found {
		f.say("Attempt %d of job %d (%s) never began: %s.", f.attempt, f.id, f.tag, job.Explanation)
		return cli.ExitJobs, nil
	}
	rest, missing, ok := o.Rest(f.shown.String(), f.printed)
	switch {
	case o.Output == nil && f.shown.Len() > 0:
		f.say("Of what was shown nothing was recorded.")
	case !ok:
		f.say("What was recorded does not begin with what was shown, and follows as a whole.")
	case missing > 0:
		f.say("%s between what was shown and what follows were neither shown nor recorded.", listing.Plural(int(missing), "byte"))
	}
	if last := f.shown.String() + rest; last != "" && !strings.HasSuffix(last, "\n") {
		rest += "\n"
	}
	fmt.Fprint(f.std.Out, rest)
	about := fmt.Sprintf("Attempt %d of job %d (%s), %s at %s, printed %s.", o.Attempt, f.id, f.tag, o.Outcome, look.Time(o.FinishedAt), listing.Plural(int(o.OutputBytes), "byte"))
	if o.Outcome == "succeeded" {
		f.say("%s", about)
		return cli.ExitOK, nil
	}
	f.say("%s Now: %s.", about, job.Explanation)
	return cli.ExitJobs, nil
}

// say says something about the output, beside it.
func (f *outputFollower) say(format string, args ...any) {
	fmt.Fprintln(f.std.Err, cli.Printable(fmt.Sprintf(format, args...)))
}
