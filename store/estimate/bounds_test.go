package estimate

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// plain draws a night of one unlimited pool, without keys, retries or anything not due.
func plain(t *rapid.T) (n *night, seconds []float64, workers int) {
	workers = rapid.IntRange(1, 12).Draw(t, "workers")
	seconds = rapid.SliceOfN(rapid.Float64Range(0.5, 500), 1, 60).Draw(t, "seconds")
	n = newNight(workers)
	for _, s := range seconds {
		n.add(s)
	}
	return n, seconds, workers
}

func end(n *night) float64 {
	s := &schedule{plan: newPlan(newPast(&n.Queue))}
	return s.run()
}

// rounding of logarithms.
const little = 1e-6

func TestAPlainPlanEndsWithinGrahamsBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n, seconds, workers := plain(t)
		work, longest, m := 0.0, slices.Max(seconds), float64(workers)
		for _, s := range seconds {
			work += s
		}
		least, most := max(work/m, longest), work/m+(1-1/m)*longest
		if got := end(n); got < least*(1-little) || got > most*(1+little) {
			t.Fatalf("%d jobs on %d workers end after %.2f s; must be within %.2f and %.2f", len(seconds), workers, got, least, most)
		}
	})
}

func TestAPlainPlanEndsNoEarlierWithMoreJobsOrFewerWorkers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n, seconds, workers := plain(t)
		before := end(n)
		if workers > 1 {
			n.Executors[0].Workers = workers - 1
			if got := end(n); got < before*(1-little) {
				t.Fatalf("%v: %d workers need %.2f s, one less %.2f", seconds, workers, before, got)
			}
			n.Executors[0].Workers = workers
		}
		n.add(rapid.Float64Range(0.5, 500).Draw(t, "one more"))
		if got := end(n); got < before*(1-little) {
			t.Fatalf("%v on %d workers need %.2f s, with one job more %.2f", seconds, workers, before, got)
		}
	})
}

// wild draws a night with a limited pool, keys and, if wanted, jobs of others.
func wild(t *rapid.T, others bool) *night {
	n := newNight(rapid.IntRange(1, 8).Draw(t, "workers"))
	for range rapid.IntRange(1, 60).Draw(t, "jobs") {
		n.add(rapid.Float64Range(0.5, 100).Draw(t, "seconds"), func(j *Job) {
			j.Priority = rapid.IntRange(0, 9).Draw(t, "priority")
			j.MutexKey = rapid.SampledFrom([]string{"", "", "", "a", "b"}).Draw(t, "key")
			if rapid.Bool().Draw(t, "limited") {
				j.Pool, j.Slots = "warehouse", rapid.IntRange(1, 4).Draw(t, "slots")
			}
			if others && rapid.IntRange(0, 3).Draw(t, "whose") == 0 {
				j.Batch = "other"
			}
		})
	}
	n.add(1)
	return n
}

func TestAPlanKeepsSlotsKeysAndWorkersAtEveryMoment(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := wild(t, false)
		s := &schedule{plan: newPlan(newPast(&n.Queue))}
		if got := s.run(); math.IsInf(got, 1) {
			t.Fatal("the batch does not end")
		}
		for i := range s.jobs { // whatever is exceeded is exceeded when a job begins
			now, used, keys, busy := s.jobs[i].began, 0, map[string]int{}, 0
			for _, j := range s.jobs {
				if ends := j.began + math.Exp(j.expected.runs[0].log); j.began > now || ends <= now+little {
					continue
				}
				busy++
				if j.key != nil {
					keys[j.key.name]++
				}
				if j.pool.Name == "warehouse" {
					used += j.slots
				}
			}
			if used > 4 || keys["a"] > 1 || keys["b"] > 1 || busy > n.Executors[0].Workers {
				t.Fatalf("at %.1f s: slots %d, keys %v, %d of %d workers", now, used, keys, busy, n.Executors[0].Workers)
			}
		}
	})
}

func TestAnEstimateIsTheSameForTheSameQueueInAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := wild(t, true)
		for i, runs := range n.Past {
			for k := range runs {
				runs[k].Seconds *= 1 + float64(k)
			}
			n.Past[i] = runs
		}
		first := Of(&n.Queue)
		rand.Shuffle(len(n.Jobs), func(i, j int) { n.Jobs[i], n.Jobs[j] = n.Jobs[j], n.Jobs[i] })
		for name, second := range map[string]Estimate{"again": Of(&n.Queue), "with the slots that it has": Of(n.With(map[string]int{"warehouse": 4}))} {
			if !first.P10.Equal(second.P10) || !first.P50.Equal(second.P50) || !first.P90.Equal(second.P90) {
				t.Fatalf("%s: %v %v %v, before %v %v %v", name, second.P10, second.P50, second.P90, first.P10, first.P50, first.P90)
			}
		}
	})
}

func TestTheDiceOfAJobDoNotDependOnOtherJobs(t *testing.T) {
	t.Parallel()
	alone, beside := newNight(2), newNight(2)
	for _, n := range []*night{alone, beside} {
		n.add(1)
		n.Past["tag 1"] = nil
		n.knows("tag 1", 10, 20, 30, 40, 50)
		n.knows("tag 1000", 1000, 1000, 1000, 1000)
	}
	beside.add(1000, others, priority(9))
	for draw := range 20 {
		var ends []float64
		for _, n := range []*night{alone, beside} {
			s := &schedule{plan: newPlan(newPast(&n.Queue)), draw: draw}
			ends = append(ends, s.run())
		}
		if math.Abs(ends[0]-ends[1]) > little {
			t.Errorf("draw %d: it ends after %.1f s, beside another job after %.1f", draw, ends[0], ends[1])
		}
	}
}
