package store_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestABatchIsSettledWhenNothingIsPendingOrRunning(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s, c := db.Store(), newClaimer(db, store.QueueConfig{})
	settled := func(want, wantFailFast bool) {
		t.Helper()
		if got := storetest.One[bool](db, "SELECT tagexec.batch_settled('b')"); got != want {
			t.Errorf("settled is %t", got)
		}
		if got := storetest.One[bool](db, "SELECT tagexec.batch_settled('b', fail_fast => true)"); got != wantFailFast {
			t.Errorf("settled with fail_fast is %t", got)
		}
	}
	submit(t, s, "b", "attach", object{"tag": "x", "priority": 9, "max_attempts": 1}, object{"tag": "y"})
	settled(false, false)
	jobs := c.claim(t, 2)
	settled(false, false)
	c.end(t, store.Failed, jobs[0])
	settled(false, true)
	c.end(t, store.Succeeded, jobs[1])
	settled(true, true)
	db.Insert(storetest.Row{"batch": "b"})
	settled(false, true)
}

func TestAnUnknownBatchRaisesP0002(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for _, sql := range []string{"SELECT tagexec.batch_settled('x')", "SELECT tagexec.batch_settled('x', true)", "SELECT tagexec.assert_batch_ok('x')"} {
		_, err := db.Pool.Exec(t.Context(), sql)
		if pg := pgError(t, err); pg.Code != "P0002" || pg.Message != `there is no batch "x"` {
			t.Errorf("%s: %v", sql, pg)
		}
	}
	if _, err := db.Store().BatchCounts(t.Context(), "x"); !errors.Is(err, store.ErrNoBatch) {
		t.Errorf("BatchCounts: %v", err)
	}
}

func TestAssertBatchOkSaysHowManySucceededOrRaises(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s, c := db.Store(), newClaimer(db, store.QueueConfig{})
	raises := func(message, detail string) {
		t.Helper()
		_, err := db.Pool.Exec(t.Context(), "SELECT tagexec.assert_batch_ok('b')")
		if pg := pgError(t, err); pg.Code != "P0001" || pg.Message != message || pg.Detail != detail {
			t.Errorf("%s\n message %q\n  detail %q\n    want %q\n         %q", pg.Code, pg.Message, pg.Detail, message, detail)
		}
	}
	submit(t, s, "b", "attach")
	if got := storetest.One[string](db, "SELECT tagexec.assert_batch_ok('b')"); got != "0 of 0 jobs succeeded" {
		t.Errorf("empty batch: %q", got)
	}
	submit(t, s, "b", "attach", object{"tag": "good", "priority": 9}, object{"tag": "bad", "biz_date": "2026-11-22", "priority": 8, "max_attempts": 1}, object{"tag": "slow", "priority": 7}, object{"tag": "late"})
	jobs := c.claim(t, 3)
	c.end(t, store.Succeeded, jobs[0])
	raises(`batch "b": 1 of 4 jobs succeeded, 3 unfinished (1 pending, 2 running)`, "")
	c.record(t, store.Result{Claim: jobs[1].Claim, Outcome: store.Failed, ErrorCode: "42P01", Error: "no such table"})
	storetest.One[int](db, "SELECT tagexec.cancel_batch('b', 'not needed')")
	raises(`batch "b": 1 of 4 jobs succeeded, 1 failed, 1 cancelled, 1 unfinished (0 pending, 1 running)`,
		"bad 2026-11-22: failed [42P01] no such table\nlate: cancelled [cancelled] not needed")
	c.end(t, store.Succeeded, jobs[2])
	submit(t, s, "b", "retry_failed", object{"tag": "bad", "biz_date": "2026-11-22"}, object{"tag": "late"})
	c.end(t, store.Succeeded, c.claim(t, 5)...)
	if got := storetest.One[string](db, "SELECT tagexec.assert_batch_ok('b')"); got != "4 of 4 jobs succeeded" {
		t.Errorf("got %q", got)
	}
}

func TestAssertBatchOkNamesTenJobsAtMost(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_jobs (tag, batch, max_attempts) SELECT 't' || i, 'b', 1 FROM generate_series(1, 12) i")
	c := newClaimer(db, store.QueueConfig{})
	for _, j := range c.claim(t, 12) {
		c.record(t, store.Result{Claim: j.Claim, Outcome: store.Failed, ErrorCode: "error", Error: strings.Repeat("x", 1000)})
	}
	_, err := db.Pool.Exec(t.Context(), "SELECT tagexec.assert_batch_ok('b')")
	if pg := pgError(t, err); pg.Message != `batch "b": 0 of 12 jobs succeeded, 12 failed` || strings.Count(pg.Detail, "\n") != 9 || len(pg.Detail) > 3500 {
		t.Errorf("%q, detail of %d bytes: %q", pg.Message, len(pg.Detail), pg.Detail)
	}
	problems, err := db.Store().BatchProblems(t.Context(), "b", 5)
	if err != nil || len(problems) != 5 || problems[0].Tag != "t1" || problems[0].State != "failed" {
		t.Errorf("%v, %v", problems, err)
	}
}

func TestBatchCountsAddUp(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := db.Store()
	submit(t, s, "b", "attach")
	for _, want := range []store.Counts{{}, {Total: 3, Pending: 2, Running: 1}} {
		got, err := s.BatchCounts(t.Context(), "b")
		if err != nil || got != want || got.Settled() != (want.Total == 0) {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
		if got.Total == 0 {
			submit(t, s, "b", "attach", object{"tag": "x"}, object{"tag": "y"}, object{"tag": "z"})
			newClaimer(db, store.QueueConfig{}).claim(t, 1)
		}
	}
}

func TestResultsOfTheFunctionsCanBeJSON(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for _, tt := range []struct{ call, want string }{
		{`submit_jobs('b', '[{"tag": "t"}]')`, `{"batch": "b", "existing": 0, "inserted": 1, "requeued": 0}`},
		{"batch_settled('b')", "false"},
		{"cancel_batch('b')", "1"},
		{"cancel_batch('b')", "0"},
		{"cancel_batch('x')", "0"},
		{"submit_jobs('e', '[]')", `{"batch": "e", "existing": 0, "inserted": 0, "requeued": 0}`},
		{"assert_batch_ok('e')", `"0 of 0 jobs succeeded"`},
	} {
		if got := storetest.One[string](db, fmt.Sprintf("SELECT to_jsonb(tagexec.%s)::text", tt.call)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.call, got, tt.want)
		}
	}
}
