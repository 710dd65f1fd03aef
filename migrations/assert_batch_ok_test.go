package migrations_test

import (
	"strings"
	"testing"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestAssertBatchOkSaysHowManySucceededOrRaises(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s, c := db.Store(), db.Claimer(store.Executor{})
	raises := func(message, detail string) {
		t.Helper()
		_, err := db.Pool.Exec(t.Context(), "SELECT tagexec.assert_batch_ok('b')")
		if pg := storetest.PgError(t, err); pg.Code != "P0001" || pg.Message != message || pg.Detail != detail {
			t.Errorf("%s\n message %q\n  detail %q\n    want %q\n         %q", pg.Code, pg.Message, pg.Detail, message, detail)
		}
	}
	submit(t, s, "b", "attach")
	if got := storetest.One[string](db, "SELECT tagexec.assert_batch_ok('b')"); got != "0 of 0 jobs succeeded" {
		t.Errorf("empty batch: %q", got)
	}
	submit(t, s, "b", "attach", object{"tag": "good", "priority": 9}, object{"tag": "bad", "biz_date": "2026-11-22", "priority": 8, "max_attempts": 1}, object{"tag": "slow", "priority": 7}, object{"tag": "late"})
	jobs := c.MustClaim(t, 3)
	c.End(t, store.Succeeded, jobs[0])
	raises(`batch "b": 1 of 4 jobs succeeded, 3 unfinished (1 pending, 2 running)`, "")
	c.MustRecord(t, store.Result{Claim: jobs[1].Claim, Outcome: store.Failed, ErrorCode: "42P01", Error: "no such table"})
	storetest.One[int](db, "SELECT tagexec.cancel_batch('b', 'not needed')")
	raises(`batch "b": 1 of 4 jobs succeeded, 1 failed, 1 cancelled, 1 unfinished (0 pending, 1 running)`,
		"bad 2026-11-22: failed [42P01] no such table\nlate: cancelled [cancelled] not needed")
	c.End(t, store.Succeeded, jobs[2])
	submit(t, s, "b", "retry_failed", object{"tag": "bad", "biz_date": "2026-11-22"}, object{"tag": "late"})
	c.End(t, store.Succeeded, c.MustClaim(t, 5)...)
	if got := storetest.One[string](db, "SELECT tagexec.assert_batch_ok('b')"); got != "4 of 4 jobs succeeded" {
		t.Errorf("got %q", got)
	}
}

func TestAssertBatchOkNamesTenJobsAtMost(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_jobs (tag, batch, max_attempts) SELECT 't' || i, 'b', 1 FROM generate_series(1, 12) i")
	c := db.Claimer(store.Executor{})
	for _, j := range c.MustClaim(t, 12) {
		c.MustRecord(t, store.Result{Claim: j.Claim, Outcome: store.Failed, ErrorCode: "error", Error: strings.Repeat("x", 1000)})
	}
	_, err := db.Pool.Exec(t.Context(), "SELECT tagexec.assert_batch_ok('b')")
	if pg := storetest.PgError(t, err); pg.Message != `batch "b": 0 of 12 jobs succeeded, 12 failed` || strings.Count(pg.Detail, "\n") != 9 || len(pg.Detail) > 3500 {
		t.Errorf("%q, detail of %d bytes: %q", pg.Message, len(pg.Detail), pg.Detail)
	}
}
