package enginetest

import (
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/store"
)

func deadlineEndsSelect(s *suite) {
	r := s.newRunner(s.URL, 1)
	ctx, cancel := context.WithTimeoutCause(s.Context(), 2*time.Second, executor.ErrTimeout)
	defer cancel()
	run := s.startIn(ctx, r, job(s.payload(s.SQL.SlowSelect), 1))
	s.listed(s.SQL.SlowSelect)
	<-ctx.Done()
	ended := time.Now()
	s.endedBy(run.within(store.KillGrace), executor.ErrTimeout)
	s.nothingRunsAfter(gone - time.Since(ended))
	s.Logf("gone %s after the deadline", time.Since(ended).Round(time.Millisecond))
}

func cancelEndsWrite(s *suite) {
	r := s.newRunner(s.URL, 1)
	run := s.start(r, s.payload(s.SQL.SlowWrite))
	s.listed(s.SQL.SlowWrite)
	cancelled := time.Now()
	run.cancel(executor.ErrCancelled)
	s.endedBy(run.within(store.KillGrace), executor.ErrCancelled)
	s.nothingRunsAfter(gone - time.Since(cancelled))
	s.Logf("gone %s after the cancel; %s rows stay", time.Since(cancelled).Round(time.Millisecond), s.rows())
	if s.traits.Atomic {
		s.wantRows("0")
	}
}

func cancelBetween(s *suite) {
	s.cancelAt(sends(s.SQL.SlowSelect), 0, s.SQL.Insert(3), s.SQL.SlowSelect)
	if !s.traits.Atomic {
		return
	}
	s.cancelAt(commits, 0, s.SQL.Insert(3), s.SQL.Insert(4))
	for answer := range 3 { // one of them is the last before COMMIT, or that to COMMIT
		s.cancelAt(sends(s.SQL.Insert(4)), answer+1, s.SQL.Insert(3), s.SQL.Insert(4))
	}
}

// cancelAt cancels a job just before the server gets what its executor sends, or just
// before the executor gets the n-th answer from then on.
func (s *suite) cancelAt(what func([]byte) bool, answer int, statements ...string) {
	p := s.newProxy()
	run := &running{}
	started, sent := make(chan struct{}), make(chan struct{})
	p.when(what, answer, func() {
		<-started
		run.cancel(executor.ErrCancelled)
		close(sent)
	})
	run = s.start(s.newRunner(p.url, 1), s.payload(statements...))
	close(started)
	err := run.within(30 * time.Second)
	<-sent
	s.nothingRuns()
	s.Logf("%s: %v", outcome(err), err)
	s.agrees(err, 7)
	if !s.traits.Atomic {
		s.wantRows("3")
		s.names(err.Error(), "what statement 1 did stays")
	}
	s.empty()
}

// cancels is how many jobs are cancelled at random moments.
func cancels() int {
	if testing.Short() {
		return 20
	}
	return 200
}

func randomCancels(s *suite) {
	r := s.newRunner(s.URL, 2)
	payload := s.payload(s.SQL.Insert(20), s.SQL.Insert(20))
	usual := s.usualTime(r, payload)
	outcomes := map[string]int{}
	var latest time.Duration
	for _, moment := range moments(cancels(), 2*usual) {
		ctx, cancel := context.WithCancelCause(s.Context())
		run := s.startIn(ctx, r, job(payload, 1))
		time.Sleep(moment)
		cancelled := time.Now()
		cancel(executor.ErrCancelled)
		err := run.within(store.KillGrace)
		latest = max(latest, time.Since(cancelled))
		outcomes[outcome(err)]++
		s.agrees(err, 40)
		s.empty()
	}
	s.Logf("a job takes %s; of %d: %v; back after %s at most", usual, cancels(), outcomes, latest.Round(time.Millisecond))
	if outcomes["cancelled"] == 0 || outcomes["success"] == 0 {
		s.Error("the moments were not those of a job")
	}
	for name, n := range r.Connections() {
		if n.InUse > 0 {
			s.Errorf("source %s still has %d connections in use", name, n.InUse)
		}
	}
}

// moments are n random ones within a time, in any order: one in each n-th of it, so that
// few are enough to come from all of it.
func moments(n int, within time.Duration) []time.Duration {
	list := make([]time.Duration, n)
	for i, part := range rand.Perm(n) {
		list[i] = (time.Duration(part)*within + rand.N(within)) / time.Duration(n)
	}
	return list
}

// usualTime is how long a job takes that nobody cancels: the median of five.
func (s *suite) usualTime(r *runner.SQL, payload string) time.Duration {
	s.succeed(r, payload)
	var took []time.Duration
	for range 5 {
		began := time.Now()
		s.succeed(r, payload)
		took = append(took, time.Since(began))
	}
	s.empty()
	slices.Sort(took)
	return took[2]
}

// agrees checks that the table holds what the end of a job of so many rows says.
func (s *suite) agrees(err error, all int) {
	s.Helper()
	how := outcome(err)
	if how == "cancelled" && !s.traits.Atomic {
		return // any part of the rows is right
	}
	rows := s.rows()
	n, _ := strconv.Atoi(rows)
	switch {
	case how == "success" && n != all:
		s.Errorf("a job that succeeded left %s of %d rows", rows, all)
	case how == "cancelled" && s.traits.Atomic && n != 0:
		s.Errorf("a job that was cancelled left %s rows", rows)
	case how == "other":
		s.Errorf("a job that was cancelled ended with %v", err)
	case s.traits.Atomic && n != 0 && n != all:
		s.Errorf("a transaction left %s of %d rows", rows, all)
	}
}

func cancelWhileFrozen(s *suite) {
	r := s.newRunner(s.URL, 1)
	run := s.start(r, s.payload(s.SQL.SlowSelect))
	s.listed(s.SQL.SlowSelect)
	thaw := s.freeze()
	cancelled := time.Now()
	run.cancel(executor.ErrCancelled)
	err := run.within(store.KillGrace)
	s.Logf("back %s after the cancel", time.Since(cancelled).Round(time.Millisecond))
	thaw()
	s.endedBy(err, executor.ErrCancelled)
	s.nothingRunsAfter(s.OrphanEnds)
	s.succeed(r, s.payload(s.SQL.Row))
}

// freeze stops the processes of the server. They go on at the end of the case at the
// latest.
func (s *suite) freeze() (thaw func()) {
	s.Helper()
	processes := s.Admin.Processes(s)
	thaw = func() {
		for _, pid := range processes {
			_ = syscall.Kill(pid, syscall.SIGCONT) // it may be gone
		}
	}
	s.Cleanup(thaw)
	for _, pid := range processes {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			s.Error(err)
		}
	}
	return thaw
}
