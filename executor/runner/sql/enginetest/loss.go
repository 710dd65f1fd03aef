package enginetest

import (
	"context"
	"errors"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

// outcome is how a job ended, in a word.
func outcome(err error) string {
	var f *executor.Failure
	switch {
	case err == nil:
		return "success"
	case errors.Is(err, executor.ErrCancelled):
		return "cancelled"
	case errors.As(err, &f) && f.Code == "commit_unknown":
		return f.Code
	}
	return "other"
}

func executorKilled(s *suite) {
	kill := s.startMortal(s.payload(s.SQL.SlowWrite), OrphanTime)
	s.listed(s.SQL.SlowWrite)
	killed := time.Now()
	kill()
	s.nothingRunsAfter(s.OrphanEnds)
	s.Logf("the orphan was gone after %s; %s rows stay", time.Since(killed).Round(100*time.Millisecond), s.rows())
	if s.traits.Atomic {
		s.wantRows("0")
	}
}

func connectionLost(s *suite) {
	p := s.newProxy()
	ctx, cancel := context.WithTimeoutCause(s.Context(), OrphanTime, executor.ErrTimeout)
	defer cancel()
	run := s.startIn(ctx, s.newRunner(p.url, 1), job(s.payload(s.SQL.SlowSelect), 1))
	s.listed(s.SQL.SlowSelect)
	p.cut()
	f := s.failure(run.within(30 * time.Second))
	if f.Code != "connection_lost" && (s.traits.Atomic || f.Code != "commit_unknown") || f.Permanent {
		s.Errorf("got %v, permanent %v, want a connection_lost that may be tried again", f, f.Permanent)
	}
	s.nothingRunsAfter(s.OrphanEnds)
	if s.Admin.Restart != nil {
		s.restarted()
	}
}

// restarted checks that a restart of the server during a statement may be tried again.
func (s *suite) restarted() {
	r := s.newRunner(s.URL, 1)
	run := s.start(r, s.payload(s.SQL.SlowSelect))
	s.listed(s.SQL.SlowSelect)
	s.Admin.Restart(s)
	f := s.failure(run.within(30 * time.Second))
	if f.Permanent {
		s.Errorf("a restart of the server is %v, which is permanent", f)
	}
	s.Logf("a restart of the server is: %v", f)
	s.succeed(r, s.payload(s.SQL.Row))
}

func answerLost(s *suite) {
	p := s.newProxy()
	r := s.newRunner(p.url, 1)
	if s.traits.Atomic {
		p.loseAnswer(commits)
	} else {
		p.loseAnswer(sends(s.SQL.Insert(3)))
	}
	run := s.start(r, s.payload(s.SQL.Insert(3)))
	f := s.failure(run.within(30 * time.Second))
	if f.Code != "commit_unknown" || f.Permanent {
		s.Errorf("got %v, permanent %v, want a commit_unknown that may be tried again", f, f.Permanent)
	}
	s.eventually(gone, "the work is stored", func() bool { return s.rows() == "3" })
}

// orphanTime is longer than a case: the server ends nothing by itself.
const orphanTime = time.Hour

func orphanEnded(s *suite) {
	kill := s.startMortal(s.payload(s.SQL.SlowWrite), orphanTime)
	s.listed(s.SQL.SlowWrite)
	kill()
	other := s.startIn(s.Context(), s.runnerOf("b00b1e5cafe0", s.URL, 1), job(s.payload(s.SQL.SlowSelect), 1))
	s.listed(s.SQL.SlowSelect)
	patient := s.with(withTimeout("60")) // the orphan and the other job keep the server busy
	second := s.startIn(s.Context(), s.newRunner(patient, 1), job(s.payload(s.SQL.Row), 2))
	if err := second.within(time.Minute); err != nil {
		s.Errorf("the second attempt ended with %v", err)
	}
	s.eventually(gone, "only the job of the other queue runs", func() bool { return len(s.Admin.Running(s)) == 1 })
	s.listed(s.SQL.SlowSelect)
	other.cancel(executor.ErrCancelled)
	s.endedBy(other.within(store.KillGrace), executor.ErrCancelled)
}
