package replay

import (
	"slices"
	"testing"
	"time"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/estimate"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }

func job(id int64, tag, batch string, attempts ...Attempt) Job {
	return Job{Created: noon, Attempts: attempts, Job: estimate.Job{ID: id, Tag: tag, Batch: batch, Like: estimate.Like{Kind: "sql", Pool: "default"}, Slots: 1, RunAt: noon, MaxAttempts: 3}}
}

func ran(from, until int) Attempt {
	return Attempt{Executor: "e", Started: at(from), Ended: at(until), Counts: true}
}

func failed(from, until, again int) Attempt {
	a := ran(from, until)
	a.Failed, a.RetryAt = true, at(again)
	return a
}

func TestAQueueOfThePastHoldsWhatWasKnownThen(t *testing.T) {
	t.Parallel()
	trace := &Trace{
		Jobs: []Job{
			job(1, "done", "b", ran(0, 10)),
			job(2, "runs", "b", ran(5, 60)),
			job(3, "waits", "b", ran(40, 50)),
			job(4, "fails", "b", failed(0, 20, 35), ran(36, 45)),
			job(5, "runs", "before", ran(-200, -100)),
			job(6, "waits", "other", ran(12, 28)),
			job(7, "waits", "other", ran(31, 70)),
			job(8, "later", "other", ran(80, 90)),
		},
		Executors: []Executor{
			{Executor: estimate.Executor{ID: "e"}, From: at(-300), Until: at(300)},
			{Executor: estimate.Executor{ID: "ended"}, From: at(-300), Until: at(20)},
			{Executor: estimate.Executor{ID: "to come"}, From: at(31), Until: at(300)},
		},
	}
	trace.Jobs[7].Created = at(75)
	b := trace.batches(4)[0]
	storetest.Check(t, "the batch", []any{b.key, b.start, b.end}, []any{"b", at(0), at(60)})
	q := trace.at(newHistory(trace), b, at(30))
	states := map[int64]estimate.Job{}
	for _, j := range q.Jobs {
		states[j.ID] = j
	}
	storetest.Check(t, "unfinished jobs", len(q.Jobs), 4)
	storetest.Check(t, "what ran", []any{states[2].StartedAt, states[2].Executor}, []any{at(5), "e"})
	storetest.Check(t, "what waited", []any{states[3].StartedAt.IsZero(), states[7].StartedAt.IsZero()}, []any{true, true})
	storetest.Check(t, "what waited for a retry", []any{states[4].StartedAt.IsZero(), states[4].Failures, states[4].RunAt}, []any{true, 1, at(35)})
	storetest.Check(t, "executors", len(q.Executors), 1)
	storetest.Check(t, "ended of the batch", []any{len(q.Ended), q.Ended[0].Tag, q.Ended[0].Failed, q.Ended[1].Tag}, []any{2, "fails", true, "done"})
	storetest.Check(t, "past of tags", []any{len(q.Past["runs"]), q.Past["runs"][0].Seconds, len(q.Past["waits"]), len(q.Past["done"])}, []any{1, 100.0, 1, 0})
}

func TestWorldsKeepSlotsKeysAndWorkers(t *testing.T) {
	t.Parallel()
	for _, kind := range Worlds() {
		trace := kind.Trace(1)
		var attempts []Attempt
		jobs := map[time.Time][]*Job{}
		for i := range trace.Jobs {
			for _, a := range trace.Jobs[i].Attempts {
				attempts = append(attempts, a)
				jobs[a.Started] = append(jobs[a.Started], &trace.Jobs[i])
			}
		}
		for _, moment := range attempts[:2*tagsOfBatch] { // whatever is exceeded is exceeded when something starts
			used, workers, keys := map[string]int{}, map[string]int{}, map[string]int{}
			for i := range trace.Jobs[:4*tagsOfBatch] {
				j := &trace.Jobs[i]
				for _, a := range j.Attempts {
					if a.Started.After(moment.Started) || !a.Ended.After(moment.Started) {
						continue
					}
					used[j.Pool] += j.Slots
					workers[a.Executor]++
					if j.MutexKey != "" {
						keys[j.MutexKey]++
					}
				}
			}
			for _, p := range trace.Pools {
				if p.Slots > 0 && used[p.Name] > p.Slots {
					t.Fatalf("%s: pool %s has %d of %d slots in use", kind.name, p.Name, used[p.Name], p.Slots)
				}
			}
			for _, e := range trace.Executors {
				if workers[e.ID] > e.Workers {
					t.Fatalf("%s: %s runs %d jobs", kind.name, e.ID, workers[e.ID])
				}
			}
			for key, n := range keys {
				if n > 1 {
					t.Fatalf("%s: %d jobs of key %s run", kind.name, n, key)
				}
			}
		}
	}
}

func TestVerdictSaysWhatIsMissed(t *testing.T) {
	t.Parallel()
	good := PointScore{Point: 0.5, Asked: 10, Inside: 0.8, Error: 0.1, Naive: 0.5, Better: 0.8}
	for _, tt := range []struct {
		change func(*PointScore)
		want   string
	}{
		{func(*PointScore) {}, "pass"},
		{func(p *PointScore) { p.Inside = 0.69 }, "FAIL: too narrow"},
		{func(p *PointScore) { p.Inside = 0.91 }, "FAIL: too wide"},
		{func(p *PointScore) { p.Error = 0.16 }, "FAIL: error"},
		{func(p *PointScore) { p.Point, p.Error = 0.25, 0.24 }, "pass"},
		{func(p *PointScore) { p.Point, p.Error = 0.25, 0.26 }, "FAIL: error"},
		{func(p *PointScore) { p.Point, p.Error = 0.75, 0.4 }, "pass"},
		{func(p *PointScore) { p.Better, p.Inside = 0.29, 0.5 }, "FAIL: too narrow, hardly better"},
		{func(p *PointScore) { p.Point, p.Naive, p.Better = 0, -1, -1 }, "pass"},
		{func(p *PointScore) { p.Refused, p.Inside, p.Naive = 10, -1, -1 }, "FAIL: no estimate"},
	} {
		p := good
		tt.change(&p)
		storetest.Check(t, "verdict", p.verdict(), tt.want)
	}
}

// Nights in which every run takes as long as ever are foretold.
func TestReplayOfNightsThatAreAllAlikeFindsNoError(t *testing.T) {
	t.Parallel()
	trace := World{name: "alike"}.Trace(3)
	s := Replay(10, trace)
	storetest.Check(t, "batches", s.Batches, nights)
	for _, p := range s.Points {
		storetest.Check(t, "refused, of the first night, until three jobs have ended", p.Refused, 1)
		if p.Error > 0.03 || p.Known > 0.02 {
			t.Errorf("at %.0f %% it is off by %.1f %%, told the run times by %.1f %%", 100*p.Point, 100*p.Error, 100*p.Known)
		}
	}
}

func TestReadBringsBatchesWithAllTheirAttempts(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	ids := db.Insert(
		storetest.Row{"tag": "a", "batch": "night 1", "priority": 7, "mutex_key": "k"},
		storetest.Row{"tag": "b", "batch": "night 1"},
		storetest.Row{"tag": "c", "batch": "day 1"},
	)
	c := db.Claimer(store.Executor{Workers: 5})
	first := c.MustClaim(t, 3)
	at := func(id int64) store.Job {
		return first[slices.IndexFunc(first, func(j store.Job) bool { return j.ID == id })]
	}
	c.End(t, store.Failed, at(ids[0]))
	c.End(t, store.Succeeded, at(ids[1]), at(ids[2]))
	db.Exec("UPDATE tagexec.tag_jobs SET run_at = now() WHERE id = $1", ids[0])
	c.End(t, store.Succeeded, c.MustClaim(t, 1)...)
	_, analyst := db.Login("tagexec_analyst")
	trace, err := Read(t.Context(), storetest.Dial(t, analyst), "queue", "night")
	if err != nil {
		t.Fatal(err)
	}
	storetest.Check(t, "jobs of the batches whose keys begin so", len(trace.Jobs), 2)
	a := trace.Jobs[0]
	storetest.Check(t, "a job", []any{a.Tag, a.Batch, a.Priority, a.MutexKey, a.Like}, []any{"a", "night 1", 7, "k", estimate.Like{Kind: "sql", Pool: "default"}})
	storetest.Check(t, "its attempts", []any{len(a.Attempts), a.Attempts[0].Failed, a.Attempts[0].RetryAt.IsZero(), a.Attempts[1].Failed, a.Attempts[1].RetryAt.IsZero()}, []any{2, true, false, false, true})
	storetest.Check(t, "executors", []any{len(trace.Executors), trace.Executors[0].Workers}, []any{1, 5})
}
