package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Claim takes up to n jobs that can run now. In unlimited pools the higher
// priority goes first, in a limited pool nothing overtakes. When the answer of
// the database is lost, jobs may stay claimed that nobody knows of: Running
// shows them. Beside an error there may be jobs; then the next claim reports it.
// A job whose row cannot be written is isolated, and the next claim goes without
// it. After a claim that was cut off, the next asks for far fewer.
func (s *session) Claim(ctx context.Context, n int) (Claimed, error) {
	if s.rescan.Swap(false) {
		s.lanes.pace.renew()
		s.batch.pace.renew()
	}
	if time.Since(s.retried) >= unwritableRetry {
		if err := s.retryUnwritable(ctx); err != nil {
			return Claimed{}, err
		}
		s.retried = time.Now()
		s.around.Store(false)
	}
	claim := s.claim
	if s.Batch != "" || s.around.Load() {
		claim = s.claimBatch
	}
	n, began := s.claims.of(n), time.Now()
	jobs, more, err := claim(ctx, n)
	if len(jobs) == n || err != nil {
		s.claims.sent(n, time.Since(began), err)
	}
	if err != nil {
		more = true
		err = s.isolateClaimed(ctx, err)
	}
	if err != nil && len(jobs) == 0 {
		return Claimed{}, fmt.Errorf("claim jobs: %w", err)
	}
	slices.SortFunc(jobs, func(a, b Job) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), a.RunAt.Compare(b.RunAt), cmp.Compare(a.ID, b.ID))
	})
	return Claimed{Jobs: jobs, More: more, Suspects: len(s.suspects) > 0, Blocked: s.Batch != "" || s.lanes.blocked(), Unwritable: s.isolated()}, nil
}

// What GiveUp fails for it reads, or changes. What it changes is most likely among
// these jobs.
const findDueSQL = `-- tagexec: find due jobs
(SELECT q.id FROM tagexec.tag_jobs q WHERE q.mutex_key IS NULL AND ` + dueHere + ` LIMIT 5000)
UNION ALL
(SELECT q.id FROM tagexec.tag_jobs q WHERE q.mutex_key IS NOT NULL AND ` + dueHere + ` LIMIT 5000)`

const dueHere = due + ` AND q.kind = ANY (@kinds::text[]) AND (@batch::text = '' OR q.batch = @batch)`

// isolateClaimed isolates the job for which a statement failed, so that the next
// claim works; that returns it.
func (s *session) isolateClaimed(ctx context.Context, err error) error {
	isolate := s.isolate
	if of := (*rowError)(nil); badRow(err) && !errors.As(err, &of) {
		isolate = s.isolateUnreadable
	}
	found, err := isolate(ctx, err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unwritable = append(s.unwritable, found...)
	return err
}

// isolated returns the jobs that were isolated since the last time.
func (s *session) isolated() []Unwritable {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.unwritable
	s.unwritable = nil
	return list
}

// claim claims from the lanes and keys that were seen to hold work. A claim that
// comes back short is followed by a scan, because jobs may lie where the
// positions in memory pass over them: that is the next claim's first step, so
// that what was found already need not wait for it.
func (s *session) claim(ctx context.Context, n int) (jobs []Job, more bool, err error) {
	l := &s.lanes
	if l.notified.Swap(false) {
		// The new job lies most likely in a lane that held work before.
		jobs, err = s.claimLanes(ctx, l.remembered(), n)
		if err != nil || len(jobs) > 0 {
			l.pace.short = true
			return jobs, true, err
		}
	}
	scanned := l.mustScan()
	if scanned {
		if err := s.scanLanes(ctx); err != nil {
			return nil, false, err
		}
	}
	for _, step := range l.steps() {
		claimed, err := s.claimStep(ctx, step, n-len(jobs))
		jobs = append(jobs, claimed...)
		if err != nil || len(jobs) == n {
			return jobs, true, err
		}
	}
	l.pace.short = !scanned
	return jobs, l.pace.short && l.pace.may(), nil
}

func (s *session) claimStep(ctx context.Context, step step, n int) ([]Job, error) {
	switch {
	case step.limited:
		return s.claimLimitedLanes(ctx, step, n)
	case step.keyed:
		return s.claimKeyed(ctx, step.pool, n)
	default:
		return s.claimLanes(ctx, step.lanes, n)
	}
}
