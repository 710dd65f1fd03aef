package executor_test

import (
	"cmp"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// fixture is a queue under test, and what the suite does behind its back.
type fixture struct {
	executor.Queue
	insert func(store.Job) int64        // inserts a job of kind test, or other, into pool default, or another
	limit  func(pool string, slots int) // makes a pool with a limit
	due    func()                       // makes pending jobs due
	cancel func(id int64)               // cancels a job as a producer does
	delete func(id int64)               // deletes the row
	expire func(store.Session)          // makes the lease be over
	state  func(id int64) string

	watch func(id int64)        // as somebody does who wants to see the job's output
	shown func(id int64) string // what is shown of its present attempt

	unavailable func(id int64, d time.Duration) // makes it so long that no executor could run the job
}

// The queue in memory, which most tests of the engine use, must keep what the
// one in Postgres keeps: one suite holds both.
func TestQueueInMemory(t *testing.T) { testQueue(t, inMemory) }

func TestQueueInPostgres(t *testing.T) { testQueue(t, inPostgres) }

func inMemory(t *testing.T) fixture {
	m := newMemory()
	t.Cleanup(func() { m.check(t) })
	return fixture{
		Queue: m,
		insert: func(j store.Job) int64 {
			j.Pool = cmp.Or(j.Pool, "default")
			return m.insert(j)
		},
		limit: func(pool string, slots int) { m.do(func() { m.limits[pool] = slots }) },
		due: func() {
			m.do(func() {
				for _, id := range m.pending {
					m.rows[id].RunAt = time.Now()
				}
			})
		},
		cancel: func(id int64) { m.do(func() { m.rows[id].cancel = true }) },
		delete: func(id int64) { m.do(func() { delete(m.rows, id) }) },
		expire: func(s store.Session) {
			m.do(func() { s.(*member).Lease = time.Nanosecond })
		},
		watch:       func(id int64) { m.watch(id, true) },
		shown:       m.live,
		state:       func(id int64) (state string) { m.do(func() { state = m.rows[id].state }); return state },
		unavailable: func(id int64, d time.Duration) { m.do(func() { m.rows[id].since = time.Now().Add(-d) }) },
	}
}

func inPostgres(t *testing.T) fixture {
	db := storetest.New(t)
	db.Exec(`INSERT INTO tagexec.tag_kinds (kind) VALUES ('test'), ('other')`)
	return fixture{
		Queue: db.Store(),
		insert: func(j store.Job) int64 {
			row := storetest.Row{
				"kind": cmp.Or(j.Kind, "test"), "batch": j.Batch, "pool": cmp.Or(j.Pool, "default"), "slots": max(j.Slots, 1),
				"payload": cmp.Or(string(j.Payload), "{}"), "timeout_seconds": j.TimeoutSeconds, "priority": j.Priority, "mutex_key": j.MutexKey, "max_attempts": cmp.Or(j.MaxAttempts, 3), "crashes": j.Crashes,
			}
			if !j.RunAt.IsZero() {
				row["run_at"] = j.RunAt
				if j.RunAt.Before(time.Now()) {
					row["created_at"] = j.RunAt
				}
			}
			return db.Insert(row)[0]
		},
		limit: func(pool string, slots int) {
			db.Exec(`INSERT INTO tagexec.tag_pools (pool, slots) VALUES ($1, $2)`, pool, slots)
		},
		due:    func() { db.Exec(`UPDATE tagexec.tag_jobs SET run_at = now() WHERE state = 'pending'`) },
		cancel: func(id int64) { db.Exec(`SELECT tagexec.cancel_job($1)`, id) },
		delete: func(id int64) { db.Exec(`DELETE FROM tagexec.tag_jobs WHERE id = $1`, id) },
		expire: func(s store.Session) {
			db.Exec(`UPDATE tagexec.tag_executors SET heartbeat_at = now() - interval '1 h', lease_seconds = 1e-9 WHERE id = $1::uuid`, s.ID())
		},
		watch: func(id int64) { db.Exec(`SELECT tagexec.watch_output($1)`, id) },
		shown: func(id int64) string {
			return storetest.One[string](db, `SELECT coalesce(string_agg(chunk, '' ORDER BY at_byte), '') FROM tagexec.tag_jobs j, tagexec.live_output(j.id, j.attempt, 0) WHERE j.id = $1`, id)
		},
		state: func(id int64) string {
			return storetest.One[string](db, `SELECT state FROM tagexec.tag_jobs WHERE id = $1`, id)
		},
		unavailable: func(id int64, d time.Duration) {
			db.Exec(`UPDATE tagexec.tag_jobs SET unavailable_since = now() - make_interval(secs => $2) WHERE id = $1`, id, d.Seconds())
		},
	}
}

// register returns a session of an executor like e.
func (f fixture) register(t *testing.T, e store.Executor) store.Session {
	t.Helper()
	e.Hostname, e.Version, e.Workers, e.PID = "test", "test", 1, 1
	e.Lease = time.Hour
	if e.Kinds == nil {
		e.Kinds = []string{"test"}
	}
	s, err := f.Register(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// claim claims up to n jobs at a time until there are no more.
func claim(t *testing.T, s store.Session, n int) (all []store.Job, suspects bool) {
	t.Helper()
	for {
		claimed, err := s.Claim(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		if len(claimed.Jobs) > n {
			t.Errorf("a claim of %d brought %d jobs", n, len(claimed.Jobs))
		}
		all = append(all, claimed.Jobs...)
		if !claimed.More {
			return all, claimed.Suspects
		}
	}
}

// wantJobs waits until claims have brought these jobs, and fails if they bring another.
func wantJobs(t *testing.T, s store.Session, want ...int64) []store.Job {
	t.Helper()
	var jobs []store.Job
	storetest.Eventually(t, "the jobs are claimed", func() bool {
		more, _ := claim(t, s, 10)
		jobs = append(jobs, more...)
		return len(jobs) >= len(want)
	})
	if got := ids(jobs); !slices.Equal(got, want) {
		t.Errorf("claimed the jobs %v, want %v", got, want)
	}
	return jobs
}

func ids(jobs []store.Job) (ids []int64) {
	for _, j := range jobs {
		ids = append(ids, j.ID)
	}
	return ids
}

// record stores results like r, one for each claim, and fails if their fate is another.
func (f fixture) record(t *testing.T, r store.Result, want store.Fate, jobs ...store.Job) {
	t.Helper()
	results := make([]store.Result, len(jobs))
	for i, j := range jobs {
		results[i] = r
		results[i].Claim = j.Claim
	}
	fates, err := f.Record(t.Context(), results)
	if err != nil {
		t.Fatal(err)
	}
	for i, fate := range fates {
		if fate != want {
			t.Errorf("the result of job %d is %s, want %s", jobs[i].ID, fate, want)
		}
	}
}

func (f fixture) wantState(t *testing.T, id int64, want string) {
	t.Helper()
	if got := f.state(id); got != want {
		t.Errorf("job %d is %s, want %s", id, got, want)
	}
}

var succeeded = store.Result{Outcome: store.Succeeded}

func testQueue(t *testing.T, newQueue func(*testing.T) fixture) {
	for _, test := range []struct {
		name string
		test func(*testing.T, fixture)
	}{
		{"each registration is another executor", queueRegister},
		{"claims bring jobs by priority, run_at and id", queueClaimOrder},
		{"claims take at most n jobs, and no more means none is left", queueClaimMore},
		{"claims take only what the executor is registered for", queueClaimRegistered},
		{"of a mutex key one job is claimed at a time", queueClaimKey},
		{"of a limited pool no more is claimed than it has slots", queueClaimLimit},
		{"suspects are claimed by themselves", queueClaimSuspect},
		{"a result has its fate", queueRecordFates},
		{"a result decides what becomes of the job", queueRecordStates},
		{"a retry waits for its delay", queueRecordDelay},
		{"claims leave out what needs something unavailable", queueUnavailableClaim},
		{"an attempt in which nothing ran counts as none, for a time", queueUnavailableRecord},
		{"jobs that nobody can run for their time are given up", queueGiveUp},
		{"a cancel is seen by who runs the job, and ends it", queueCancel},
		{"what a watched job prints is shown while it runs", queueShow},
		{"the jobs of a dead executor are handed back, and it learns of that", queueReap},
		{"nobody is reaped without a reason", queueReapNobody},
		{"who listens is notified of a new job", queueListen},
		{"listening ends with its context", queueListenEnds},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.test(t, newQueue(t))
		})
	}
}

func queueRegister(t *testing.T, f fixture) {
	one, other := f.register(t, store.Executor{}), f.register(t, store.Executor{})
	if one.ID() == other.ID() || one.ID() == "" {
		t.Errorf("two registrations have the ids %q and %q", one.ID(), other.ID())
	}
	id := f.insert(store.Job{})
	job := wantJobs(t, one, id)[0]
	if job.Executor.String() != one.ID() || job.Attempt != 1 {
		t.Errorf("the claim is %+v of executor %s", job.Claim, one.ID())
	}
	for s, want := range map[store.Session]int{one: 1, other: 0} {
		list, err := s.Running(t.Context())
		if err != nil || len(list) != want || want > 0 && list[0] != (store.Running{Claim: job.Claim}) {
			t.Errorf("executor %s runs %+v, %v; the claim was %s's", s.ID(), list, err, one.ID())
		}
	}
	_, err := one.Heartbeat(t.Context())
	if err := errors.Join(err, other.Stop(t.Context())); err != nil {
		t.Error(err)
	}
}

func queueClaimOrder(t *testing.T, f fixture) {
	now := time.Now().Truncate(time.Second)
	late, low := f.insert(store.Job{Priority: 5, RunAt: now}), f.insert(store.Job{Priority: 4, RunAt: now.Add(-time.Hour)})
	high, early := f.insert(store.Job{Priority: 9, RunAt: now}), f.insert(store.Job{Priority: 5, RunAt: now.Add(-time.Minute)})
	later := f.insert(store.Job{Priority: 5, RunAt: now})
	f.insert(store.Job{Priority: 9, RunAt: now.Add(time.Hour)}) // not due
	wantJobs(t, f.register(t, store.Executor{}), high, early, late, later, low)
}

func queueClaimMore(t *testing.T, f fixture) {
	var want []int64
	for range 7 {
		want = append(want, f.insert(store.Job{}))
	}
	jobs, suspects := claim(t, f.register(t, store.Executor{}), 3)
	if got := ids(jobs); !slices.Equal(got, want) || suspects {
		t.Errorf("claims that ended without more brought %v, want %v; suspects: %t", got, want, suspects)
	}
}

func queueClaimRegistered(t *testing.T, f fixture) {
	f.limit("aside", 5)
	plain, other := f.insert(store.Job{}), f.insert(store.Job{Kind: "other"})
	aside, batch := f.insert(store.Job{Pool: "aside"}), f.insert(store.Job{Batch: ptr("b")})
	wantJobs(t, f.register(t, store.Executor{Batch: "b"}), batch)
	wantJobs(t, f.register(t, store.Executor{Kinds: []string{"other"}}), other)
	wantJobs(t, f.register(t, store.Executor{Pools: []string{"aside"}}), aside)
	wantJobs(t, f.register(t, store.Executor{}), plain)
}

func queueClaimKey(t *testing.T, f fixture) {
	first, second := f.insert(store.Job{MutexKey: ptr("k")}), f.insert(store.Job{MutexKey: ptr("k")})
	one, other := f.register(t, store.Executor{}), f.register(t, store.Executor{})
	job := wantJobs(t, one, first)[0]
	free := f.insert(store.Job{})
	wantJobs(t, other, free)
	f.record(t, succeeded, store.Applied, job)
	wantJobs(t, other, second)
}

func queueClaimLimit(t *testing.T, f fixture) {
	f.limit("narrow", 3)
	first, second := f.insert(store.Job{Pool: "narrow", Slots: 2}), f.insert(store.Job{Pool: "narrow"})
	third := f.insert(store.Job{Pool: "narrow"})
	one, other := f.register(t, store.Executor{}), f.register(t, store.Executor{})
	jobs := wantJobs(t, one, first, second)
	free := f.insert(store.Job{})
	wantJobs(t, other, free)
	f.record(t, succeeded, store.Applied, jobs[1])
	wantJobs(t, other, third)
}

func queueClaimSuspect(t *testing.T, f fixture) {
	suspect, plain := f.insert(store.Job{Crashes: 2}), f.insert(store.Job{})
	s := f.register(t, store.Executor{})
	jobs, suspects := claim(t, s, 10)
	if got := ids(jobs); !slices.Equal(got, []int64{plain}) || !suspects {
		t.Errorf("claimed %v, want %v; suspects: %t", got, plain, suspects)
	}
	jobs, err := s.ClaimSuspect(t.Context())
	if err != nil || len(jobs) != 1 || jobs[0].ID != suspect || jobs[0].Crashes != 2 {
		t.Errorf("claimed the suspects %+v, %v", jobs, err)
	}
	if more, suspects := claim(t, s, 10); len(more) > 0 || suspects {
		t.Errorf("claimed %v once more; suspects: %t", ids(more), suspects)
	}
	if jobs, err := s.ClaimSuspect(t.Context()); err != nil || len(jobs) > 0 {
		t.Errorf("claimed the suspects %+v, %v once more", jobs, err)
	}
}
