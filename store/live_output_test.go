package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// live is what is shown of an attempt, as from:chunk/output_bytes.
func live(db *storetest.DB, id int64, attempt int32) string {
	return storetest.One[string](db, `SELECT coalesce(string_agg(concat(at_byte, ':', chunk, '/', output_bytes), ' '), '') FROM tagexec.live_output($1, $2, 0)`, id, attempt)
}

func rowsOfLiveOutput(db *storetest.DB) string {
	return storetest.One[string](db, `SELECT concat((SELECT count(*) FROM tagexec.tag_output_watches), ' watches, ', (SELECT count(*) FROM tagexec.tag_live_output), ' chunks')`)
}

func TestRunningSaysWhatIsWatched(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c := db.Claimer(store.Executor{})
	ids := db.Insert(storetest.Row{}, storetest.Row{}, storetest.Row{})
	storetest.Check(t, "running", storetest.One[bool](db, "SELECT tagexec.watch_output($1)", ids[0]), false)
	c.MustClaim(t, 2)
	watched := func() (list []int64) {
		running, err := c.Running(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range running {
			if r.Watched {
				list = append(list, r.ID)
			}
		}
		return list
	}
	storetest.Check(t, "watched", watched(), ids[:1])
	storetest.Check(t, "running", storetest.One[bool](db, "SELECT tagexec.watch_output($1)", ids[1]), true)
	db.Exec("UPDATE tagexec.tag_output_watches SET until = now() - interval '1 second' WHERE job_id = $1", ids[0])
	storetest.Check(t, "watched", watched(), ids[1:2])
	db.Exec("UPDATE tagexec.tag_output_watches SET until = now() + interval '1 hour'") // the clock was set back
	storetest.Check(t, "watched", watched(), []int64(nil))
	db.Exec("SELECT tagexec.watch_output($1)", ids[1])
	storetest.Check(t, "watched", watched(), ids[1:2])
}

func TestWatchOutputWritesOnlyWhereItMust(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	ids := db.Insert(storetest.Row{}, storetest.Row{"state": "cancelled", "finished_at": "now"})
	version := func() string {
		db.Exec("SELECT tagexec.watch_output($1)", ids[0])
		return storetest.One[string](db, "SELECT xmin::text FROM tagexec.tag_output_watches")
	}
	first := version()
	storetest.Check(t, "another who watches", version(), first)
	db.Exec("UPDATE tagexec.tag_output_watches SET until = until - interval '5 seconds'")
	if version() == first {
		t.Error("the watch is not renewed")
	}
	storetest.Check(t, "seconds", storetest.One[bool](db, "SELECT until BETWEEN now() + interval '14 seconds' AND now() + interval '15 seconds' FROM tagexec.tag_output_watches"), true)
	storetest.Check(t, "running", storetest.One[bool](db, "SELECT tagexec.watch_output($1)", ids[1]), false)
	storetest.Check(t, "rows", rowsOfLiveOutput(db), "1 watches, 0 chunks")
	_, err := db.Conn().Exec(t.Context(), "SELECT tagexec.watch_output(4711)")
	if e := storetest.PgError(t, err); e.Code != "P0002" || e.Message != "there is no job 4711" {
		t.Error(e)
	}
}

// A chunk counts only for who runs the attempt now.
func TestShowOutputIsFenced(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c, other := db.Claimer(store.Executor{}), db.Claimer(store.Executor{})
	id := db.Insert(storetest.Row{})[0]
	first := c.MustClaim(t, 1)[0].Claim
	show := func(c *storetest.Claimer, l store.LiveOutput) (more bool) {
		t.Helper()
		more, err := c.ShowOutput(t.Context(), l)
		if err != nil {
			t.Fatal(err)
		}
		return more
	}
	storetest.Check(t, "more", show(c, store.LiveOutput{Claim: first, Text: "aä\n", Printed: 5}), true)
	storetest.Check(t, "a repeat", show(c, store.LiveOutput{Claim: first, Text: "aä\n", Printed: 5}), true)
	storetest.Check(t, "more", show(c, store.LiveOutput{Claim: first, From: 4, Text: "b\n", Printed: 7}), true)
	storetest.Check(t, "shown", live(db, id, 1), "0:aä\n/5 4:b\n/7")
	storetest.Check(t, "from there on", storetest.One[string](db, "SELECT chunk FROM tagexec.live_output($1, 1, 4)", id), "b\n")
	for name, l := range map[string]store.LiveOutput{
		"another executor": {Claim: store.Claim{ID: id, Attempt: 1, Executor: other.ID}, From: 6, Text: "no"},
		"another attempt":  {Claim: store.Claim{ID: id, Attempt: 2, Executor: first.Executor}, Text: "no"},
		"another job":      {Claim: store.Claim{ID: id + 1, Attempt: 1, Executor: first.Executor}, Text: "no"},
	} {
		storetest.Check(t, name, show(c, l), false)
	}

	// It was reaped: what it goes on to print is not that of the attempt that runs now.
	db.Expire(uuid.UUID(first.Executor))
	storetest.Check(t, "reaped", db.Reap().Jobs, 1)
	storetest.Check(t, "a late chunk", show(c, store.LiveOutput{Claim: first, From: 6, Text: "late"}), false)
	db.Exec("UPDATE tagexec.tag_jobs SET run_at = now() - interval '1 second'")
	second := other.MustClaim(t, 1)[0].Claim
	storetest.Check(t, "shown of the first", live(db, id, 1), "")
	storetest.Check(t, "shown of the second", live(db, id, 2), "")
	storetest.Check(t, "more", show(other, store.LiveOutput{Claim: second, Text: "new", Printed: 3}), true)
	storetest.Check(t, "a late chunk", show(c, store.LiveOutput{Claim: first, From: 6, Text: "late"}), false)
	storetest.Check(t, "shown of the second", live(db, id, 2), "0:new/3")
	other.End(t, store.Succeeded, store.Job{Claim: second})
	storetest.Check(t, "after the end", show(other, store.LiveOutput{Claim: second, From: 3, Text: "late"}), false)
	storetest.Check(t, "shown of the second", live(db, id, 2), "0:new/3")
}

func TestShowOutputIsBounded(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c := db.Claimer(store.Executor{})
	id := db.Insert(storetest.Row{})[0]
	claim := c.MustClaim(t, 1)[0].Claim
	chunk := strings.Repeat("x", store.MaxLiveChunk)
	for _, tt := range []struct {
		from int64
		text string
		more bool
	}{
		{0, chunk + "x", false},
		{store.MaxLiveOutput - store.MaxLiveChunk + 1, chunk, false},
		{0, "nul \x00", false},
		{0, "no utf-8 \xff", false},
		{store.MaxLiveOutput - store.MaxLiveChunk, chunk, true},
	} {
		more, err := c.ShowOutput(t.Context(), store.LiveOutput{Claim: claim, From: tt.from, Text: tt.text})
		if err != nil || more != tt.more {
			t.Errorf("%d bytes from %d: %v, %v", len(tt.text), tt.from, more, err)
		}
	}
	storetest.Check(t, "bytes", storetest.One[int](db, "SELECT sum(octet_length(chunk)) FROM tagexec.live_output($1, 1, 0)", id), store.MaxLiveChunk)
}

func TestForgetOutputDeletesWhatEndedTenMinutesAgo(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Allow("attempt_times") // they are moved
	db.Allow("job_times")
	db.Exec("ALTER TABLE tagexec.tag_past_attempts DISABLE TRIGGER USER")
	s, c := db.Store(), db.Claimer(store.Executor{})
	ids := db.Insert(storetest.Row{}, storetest.Row{}, storetest.Row{}, storetest.Row{"max_attempts": 3})
	jobs := c.MustClaim(t, 4)
	for _, j := range jobs {
		if more, err := c.ShowOutput(t.Context(), store.LiveOutput{Claim: j.Claim, Text: fmt.Sprint(j.ID)}); err != nil || !more {
			t.Fatal(more, err)
		}
		db.Exec("SELECT tagexec.watch_output($1)", j.ID)
	}
	left := func(want ...int64) {
		t.Helper()
		if err := s.ForgetOutput(t.Context()); err != nil {
			t.Fatal(err)
		}
		storetest.Check(t, "left", storetest.All[int64](db, "SELECT job_id FROM tagexec.tag_live_output ORDER BY job_id"), want)
	}
	left(ids...)
	c.End(t, store.Succeeded, jobs[0], jobs[1])
	c.End(t, store.Failed, jobs[3])
	left(ids...)
	db.Exec("UPDATE tagexec.tag_jobs SET finished_at = now() - interval '9 minutes' WHERE id = $1", ids[0])
	db.Exec("UPDATE tagexec.tag_past_attempts SET finished_at = now() - interval '9 minutes' WHERE job_id = $1", ids[3])
	left(ids...)
	db.Exec("UPDATE tagexec.tag_jobs SET finished_at = now() - interval '11 minutes' WHERE id = $1", ids[0])
	db.Exec("UPDATE tagexec.tag_past_attempts SET finished_at = now() - interval '11 minutes' WHERE job_id = $1", ids[3])
	left(ids[1], ids[2])
	db.Exec("DELETE FROM tagexec.tag_jobs WHERE id = $1", ids[1])
	left(ids[2])
	storetest.Check(t, "rows", rowsOfLiveOutput(db), "4 watches, 1 chunks")
	db.Exec("UPDATE tagexec.tag_output_watches SET until = now() - interval '61 seconds' WHERE job_id <> $1", ids[0])
	left(ids[2])
	storetest.Check(t, "rows", rowsOfLiveOutput(db), "1 watches, 1 chunks")
}

// Whoever holds these tables costs live output its turn, and an executor no more.
func TestShowOutputGivesUpSoonWhereItsTableIsLocked(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s, c := db.Store(), db.Claimer(store.Executor{})
	db.Insert(storetest.Row{})
	claim := c.MustClaim(t, 1)[0].Claim
	conn := db.Conn()
	for _, sql := range []string{"BEGIN", "LOCK TABLE tagexec.tag_live_output IN ACCESS EXCLUSIVE MODE"} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	_, err := c.ShowOutput(t.Context(), store.LiveOutput{Claim: claim, Text: "x"})
	storetest.Check(t, "showing", storetest.PgError(t, err).Code, "55P03")
	storetest.Check(t, "forgetting", storetest.PgError(t, s.ForgetOutput(t.Context())).Code, "55P03")
	if _, err := c.Running(t.Context()); err != nil {
		t.Error(err)
	}
	c.End(t, store.Succeeded, store.Job{Claim: claim})
	if _, err := conn.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
}
