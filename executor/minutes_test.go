package executor_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tagexec/tagexec/executor"
)

// unwritten is a queue whose history by the minute cannot be written for some time.
type unwritten struct {
	*endless
	failures int
}

func (q *unwritten) WriteMinutes(context.Context) (bool, error) {
	if q.failures--; q.failures >= 0 {
		return false, errors.New("a view is gone")
	}
	return false, nil
}

// While the schema is updated a view may be gone for a moment: that is not told. What
// lasts is.
func TestHistoryThatCannotBeWrittenIsToldWhenItLasts(t *testing.T) {
	t.Parallel()
	for failures, want := range map[int]int{1: 0, 3: 2} {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute+time.Second)
			defer stop()
			pool, err := executor.New(&unwritten{&endless{}, failures}, executor.Config{
				Runners: executor.Runners{"test": executor.RunnerFunc(nil)}, Workers: 1, Lease: time.Minute, Heartbeat: 10 * time.Second,
				PollInterval: time.Second, JobTimeout: time.Minute, Log: slog.New(slog.NewTextHandler(&log, nil)),
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := pool.Run(ctx); err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(log.String(), "history by the minute could not be written"); n != want {
				t.Errorf("%d failures are told %d times, want %d:\n%s", failures, n, want, log.String())
			}
		})
	}
}
