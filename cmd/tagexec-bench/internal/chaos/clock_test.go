package chaos

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/tagexec/tagexec/store/storetest"
)

// brokenClock says that it was set.
type brokenClock struct{ err error }

func (c brokenClock) Set(time.Duration) error { return c.err }

func TestAClockThatDoesNotMoveIsNoFault(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for _, tt := range []struct {
		clock brokenClock
		want  string
	}{
		{brokenClock{}, "ahead of ours, and is not"},
		{brokenClock{errors.New("no such file")}, "no such file"},
	} {
		b := testbed{db: db.Pool}
		b.Clock = tt.clock
		if b.seeClock(t.Context(), time.Hour) {
			t.Error("it was seen to be ahead")
		}
		if err := b.clock.set(b.Clock, time.Hour); err != nil {
			b.findings.add("testbed", "%v", err)
		}
		if !slices.ContainsFunc(b.findings.list, func(f Finding) bool { return f.Rule == "testbed" && strings.Contains(f.Detail, tt.want) }) {
			t.Errorf("found %v", b.findings.list)
		}
	}
}

func TestExcursionsOfTheClock(t *testing.T) {
	t.Parallel()
	var c serverClock
	if at := c.since(); at.InfinityModifier != pgtype.NegativeInfinity || !c.ran(at) {
		t.Errorf("before any step it has run since %v", at)
	}
	began := time.Now()
	for _, offset := range []time.Duration{8 * time.Hour, time.Minute, 0, time.Minute, 0} {
		before := c.since()
		if err := c.set(brokenClock{}, offset); err != nil {
			t.Fatal(err)
		}
		if c.ran(before) {
			t.Errorf("it was set to %s since, and said to have run", offset)
		}
	}
	from, to := c.excursions()
	if len(from) != 2 || from[0].Sub(began) < 8*time.Hour || from[1].Sub(began) > 2*time.Minute || to[0].Sub(began) > time.Minute || to[0].Before(began) || !to[0].Before(to[1]) {
		t.Errorf("began %s; set back from %v to %v", began, from, to)
	}
	if c.moving = true; c.ran(c.since()) {
		t.Error("it runs while it is set")
	}
}

// Of the times of a job, only an order that a set-back explains is passed over.
func TestTheOrderOfTimesIsJudgedBetweenSetBacks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name              string
		queued, from, end string // from now: queued, started, finished
		setBack           bool   // eight hours, just now
		want              []string
	}{
		{"in order", "-3 s", "-2 s", "-1 s", false, nil},
		{"in order, over a set-back", "-3 s", "-2 s", "-1 s", true, nil},
		{"finished before it started", "-3 s", "-1 s", "-2 s", false, []string{"table_attempt_times", "table_job_times"}},
		{"finished before it started, a set-back between", "7 h", "7 h", "1 s", true, nil},
		{"finished before it started, both before the set-back", "-5 h", "-3 h", "-4 h", true, []string{"table_attempt_times", "table_job_times"}},
		{"finished before it started, both later than any clock was", "10 h", "12 h", "11 h", true, []string{"table_attempt_times", "table_job_times"}},
		{"queued after it started", "-1 s", "-2 s", "-1 s", false, []string{"table_attempt_times"}},
		{"queued before a set-back, and started after it", "7 h", "1 s", "2 s", true, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			for _, rule := range []string{"job_times", "attempt_times"} {
				db.Allow(rule)
			}
			db.Insert(storetest.Row{})
			db.Exec(`UPDATE tagexec.tag_jobs
				SET state = 'succeeded', attempt = 1, executor_id = $1, created_at = now() + $2::text::interval, run_at = now() + $2::text::interval,
				    started_at = now() + $3::text::interval, finished_at = now() + $4::text::interval`, db.Executor(), tt.queued, tt.from, tt.end)
			b := testbed{db: db.Pool}
			if tt.setBack {
				b.clock.setBacks = []setBack{{time.Now().Add(8 * time.Hour), time.Now()}}
			}
			found, err := b.violations(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var rules []string
			for _, f := range found {
				rules = append(rules, f.Rule)
			}
			slices.Sort(rules)
			if !slices.Equal(rules, tt.want) {
				t.Errorf("found %v, want %v", found, tt.want)
			}
		})
	}
}

func TestADelayIsFoundAtOnceOrWhenItLasts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		run     string
		stepped bool // the clock was set since the job was inserted
		lasts   bool
		found   bool
	}{
		{"no longer than a retry may wait", "4 s", false, true, false},
		{"too long", "1 h", false, false, true},
		{"too long, by a clock that was set since", "1 h", true, false, false},
		{"too long, by a clock that was set since, and it lasts", "1 h", true, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			id := db.Insert(storetest.Row{})[0]
			db.Exec("UPDATE tagexec.tag_jobs SET run_at = now() + $1::text::interval", tt.run)
			b, waiting := testbed{db: db.Pool}, delays{}
			if tt.stepped {
				b.clock.steady = storetest.One[time.Time](db, "SELECT clock_timestamp()")
			}
			if tt.lasts {
				waiting[id] = time.Now().Add(-mendLimit)
			}
			if err := waiting.check(t.Context(), &b); err != nil {
				t.Fatal(err)
			}
			if found := len(b.findings.list) > 0; found != tt.found {
				t.Errorf("found %v", b.findings.list)
			}
		})
	}
}

// A pool that was made smaller is over its size by what ran then, whatever their
// times say.
func TestAPoolOverItsSize(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Allow("pool_limit")
	db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('narrow', 4)")
	b := testbed{db: db.Pool}
	over := func() (found []Finding) {
		t.Helper()
		found, err := b.overLimits(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	ids := db.Insert(storetest.Row{"pool": "narrow", "slots": 2}, storetest.Row{"pool": "narrow", "slots": 2}, storetest.Row{"pool": "narrow"})
	executor := db.Executor()
	run := func(id int64) {
		db.Exec(`UPDATE tagexec.tag_jobs SET state = 'running', attempt = attempt + 1, executor_id = $2, started_at = now() + interval '8 h', deadline_at = 'infinity' WHERE id = $1`, id, executor)
		db.Exec("INSERT INTO tagexec.tag_past_attempts (job_id, attempt, executor_id, hostname, queued_at, started_at, finished_at, outcome) SELECT id, attempt - 1, executor_id, '', now(), now(), now(), 'interrupted' FROM tagexec.tag_jobs WHERE id = $1 AND attempt > 1", id)
	}
	run(ids[0])
	run(ids[1])
	if found := over(); len(found) > 0 {
		t.Errorf("a full pool: %v", found)
	}
	if err := b.resize(t.Context(), "narrow", 2); err != nil {
		t.Fatal(err)
	}
	if found := over(); len(found) > 0 {
		t.Errorf("a pool made smaller: %v", found)
	}
	run(ids[1])
	if found := over(); len(found) != 1 {
		t.Errorf("an attempt that began since: %v", found)
	}
	if err := b.resize(t.Context(), "narrow", 1); err != nil {
		t.Fatal(err)
	}
	run(ids[2])
	if found := over(); len(found) != 1 {
		t.Errorf("a job that began since: %v", found)
	}
}
