package estimate

import (
	"testing"
	"time"

	"github.com/tagexec/tagexec/store/storetest"
)

func pool(name string, slots int) func(*Job) {
	return func(j *Job) { j.Pool, j.Slots = name, slots }
}
func priority(p int) func(*Job)   { return func(j *Job) { j.Priority = p } }
func mutex(key string) func(*Job) { return func(j *Job) { j.MutexKey = key } }
func kind(k string) func(*Job)    { return func(j *Job) { j.Kind = k } }
func others(j *Job)               { j.Batch = "other" }
func due(seconds int) func(*Job) {
	return func(j *Job) { j.RunAt = noon.Add(time.Duration(seconds) * time.Second) }
}
func running(seconds int, executor string) func(*Job) {
	return func(j *Job) { j.StartedAt, j.Executor = noon.Add(-time.Duration(seconds)*time.Second), executor }
}

func TestAPlanFollowsTheRulesOfTheClaim(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		workers int
		fill    func(n *night)
		starts  string
	}{
		{"higher priority goes first, then run_at, then id", 1, func(n *night) {
			n.add(10)
			n.add(10, due(-7200))
			n.add(10, priority(9))
			n.add(10)
		}, "3@0 2@10 1@20 4@30"},
		{"nothing starts before its run_at", 2, func(n *night) {
			n.add(10, due(25), priority(9))
			n.add(10)
		}, "2@0 1@25"},
		{"a full pool keeps nobody waiting but its own jobs", 9, func(n *night) {
			for range 5 {
				n.add(10, pool("warehouse", 1))
			}
			n.add(10)
		}, "1@0 2@0 3@0 4@0 6@0 5@10"},
		{"in a limited pool nothing overtakes a job that does not fit", 9, func(n *night) {
			n.add(30, pool("warehouse", 2))
			n.add(10, pool("warehouse", 3))
			n.add(10, pool("warehouse", 1))
		}, "1@0 2@30 3@30"},
		{"not from a lane of its own either", 9, func(n *night) {
			n.add(30, pool("warehouse", 2))
			n.add(10, pool("warehouse", 3))
			n.add(10, pool("warehouse", 1), mutex("k"))
		}, "1@0 2@30 3@30"},
		{"what runs holds its slots until it ends", 9, func(n *night) {
			n.add(30, pool("warehouse", 3), running(10, "e"))
			n.add(10, pool("warehouse", 2))
		}, "1@0 2@20"},
		{"a limited pool goes by the order of the first jobs of its keys", 9, func(n *night) {
			n.add(10, pool("warehouse", 4), mutex("b"))
			n.add(10, pool("warehouse", 4), mutex("a"), priority(4))
			n.add(10, pool("warehouse", 4), mutex("c"), priority(6))
			n.add(10, pool("warehouse", 4))
		}, "3@0 1@10 4@20 2@30"},
		{"of a mutex key one runs at a time, in any pool", 9, func(n *night) {
			n.add(10, mutex("k"))
			n.add(10, mutex("k"), pool("warehouse", 1))
			n.add(10, mutex("l"))
		}, "1@0 3@0 2@10"},
		{"a key that runs is held until then", 9, func(n *night) {
			n.add(30, mutex("k"), running(5, "e"))
			n.add(10, mutex("k"))
		}, "1@0 2@25"},
		{"keys take turns, whatever their priority", 1, func(n *night) {
			n.add(10, mutex("a"), priority(9))
			n.add(10, mutex("a"), priority(9))
			n.add(10, mutex("b"), priority(1))
		}, "1@0 3@10 2@20"},
		{"within a key the priority holds", 1, func(n *night) {
			n.add(10, mutex("a"))
			n.add(10, mutex("a"), priority(9))
		}, "2@0 1@10"},
		{"keyed jobs of unlimited pools have the first choice every other time", 1, func(n *night) {
			n.add(10, priority(9))
			n.add(10, priority(9))
			n.add(10, mutex("a"), priority(1))
			n.add(10, mutex("b"), priority(1))
		}, "3@0 1@10 4@20 2@30"},
		{"a job waits for an executor that takes its kind", 1, func(n *night) {
			n.Executors = append(n.Executors, Executor{ID: "c", Workers: 1, Kinds: []string{"command"}})
			n.add(10)
			n.add(10)
			n.add(10, kind("command"))
		}, "1@0 3@0 2@10"},
		{"a job waits for an executor that takes its pool", 1, func(n *night) {
			n.Executors[0].Pools = []string{"default"}
			n.Executors = append(n.Executors, Executor{ID: "w", Workers: 1, Kinds: []string{"sql"}, Pools: []string{"warehouse"}})
			n.add(10)
			n.add(10)
			n.add(10, pool("warehouse", 1))
		}, "1@0 3@0 2@10"},
		{"an executor that is bound to a batch runs no other", 1, func(n *night) {
			n.Executors = append(n.Executors, Executor{ID: "o", Workers: 5, Kinds: []string{"sql"}, Batch: "other"})
			n.add(10)
			n.add(10)
		}, "1@0 2@10"},
		{"one that drains takes nothing more, and what it runs goes on", 1, func(n *night) {
			n.Executors = append(n.Executors, Executor{ID: "d", Workers: 5, Kinds: []string{"sql"}, Drains: true})
			n.add(60, running(0, "d"))
			n.add(10)
			n.add(10)
		}, "1@0 2@0 3@10"},
		{"a job that only a busy executor could run keeps its slots", 1, func(n *night) {
			n.Executors = append(n.Executors, Executor{ID: "c", Workers: 1, Kinds: []string{"command"}})
			n.add(20, kind("command"), running(0, "c"), pool("default", 1))
			n.add(10, kind("command"), pool("warehouse", 3), priority(9))
			n.add(10, pool("warehouse", 2))
		}, "1@0 2@20 3@30"},
		{"jobs of others go first where they come first", 1, func(n *night) {
			n.add(10)
			n.add(10, others, priority(6))
			n.add(10, others, priority(4))
		}, "1@10"},
		{"jobs of others that cannot run are in nobody's way", 1, func(n *night) {
			n.add(10)
			n.add(10, others, priority(9), pool("shut", 1))
			n.add(10, others, priority(9), kind("http"))
			n.add(10, others, priority(9), pool("warehouse", 5))
		}, "1@0"},
		{"jobs claimed ahead wait for a worker of their executor", 1, func(n *night) {
			n.add(10, running(4, "e"))
			n.add(10, running(3, "e"))
			n.add(10)
		}, "1@0 2@6 3@13"},
		{"the jobs of a dead executor run again", 1, func(n *night) {
			n.add(10, running(4, "gone"))
		}, "1@0"},
		{"but not if that was their last attempt", 1, func(n *night) {
			n.add(10, running(4, "gone"), func(j *Job) { j.MaxAttempts = 1 })
			n.add(10)
		}, "2@0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := newNight(tt.workers)
			tt.fill(n)
			storetest.Check(t, "starts", n.starts(t), tt.starts)
		})
	}
}
