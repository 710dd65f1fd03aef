package store_test

import (
	"errors"
	"testing"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestBatchCountsAddUp(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := db.Store()
	if _, err := s.BatchCounts(t.Context(), "b"); !errors.Is(err, store.ErrNoBatch) {
		t.Errorf("an unknown batch: %v", err)
	}
	check := func(want store.Counts, settled bool) {
		t.Helper()
		got, err := s.BatchCounts(t.Context(), "b")
		if err != nil || got != want || got.Settled() != settled {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
	db.Exec("INSERT INTO tagexec.tag_batches (batch) VALUES ('b')")
	check(store.Counts{}, true)
	job := storetest.Row{"batch": "b"}
	db.Insert(job, job, job)
	db.Claimer(store.Executor{}).MustClaim(t, 1)
	check(store.Counts{Total: 3, Pending: 2, Running: 1}, false)
}

func TestBatchProblemsAreTheFirstFailedJobs(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_jobs (tag, batch, max_attempts) SELECT 't' || i, 'b', 1 FROM generate_series(1, 12) i")
	c := db.Claimer(store.Executor{})
	c.End(t, store.Failed, c.MustClaim(t, 12)...)
	problems, err := db.Store().BatchProblems(t.Context(), "b", 5)
	if err != nil || len(problems) != 5 || problems[0].Tag != "t1" || problems[0].State != "failed" {
		t.Errorf("%v, %v", problems, err)
	}
}
