package estimate

import (
	"context"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
)

// Whether it failed for good the job tells: of one that was pruned nobody knows. OFFSET 0
// keeps the question from becoming a hash of all jobs that failed.
const runColumns = `a.job_id, a.tag, coalesce(a.batch, ''), a.kind, a.pool, a.run_seconds, a.queue_wait_seconds, a.finished_at, a.outcome <> 'succeeded',
       a.outcome = 'failed' AND EXISTS (
           SELECT FROM tagreport.jobs f WHERE f.id = a.job_id AND f.attempt = a.attempt AND f.state = 'failed' AND f.failures < f.max_attempts OFFSET 0)`

// told: what was cancelled or handed back does not tell how long a job takes.
const told = `a.outcome IN ('succeeded', 'failed', 'timed_out', 'lost')`

func scanRun(row pgx.CollectableRow) (r Run, err error) {
	return r, row.Scan(&r.JobID, &r.Tag, &r.Batch, &r.Kind, &r.Pool, &r.Seconds, &r.Waited, &r.Ended, &r.Failed, &r.Final)
}

const endedSQL = `-- tagexec: estimate of batch, its ended jobs
SELECT ` + runColumns + `
  FROM (SELECT a.job_id, a.attempt, a.tag, a.batch, a.kind, a.pool, a.run_seconds, a.queue_wait_seconds, a.finished_at, a.outcome
          FROM tagreport.attempts a
         WHERE a.batch = @batch::text
           AND ` + told + `
         LIMIT @seen) a
 ORDER BY a.finished_at DESC
 LIMIT @most`

func (q *Queue) loadEnded(ctx context.Context, db Querier, most limits) error {
	rows, err := db.Query(ctx, endedSQL, pgx.StrictNamedArgs{"batch": q.Batch, "seen": most.seen, "most": most.ended})
	if err != nil {
		return err
	}
	q.Ended, err = pgx.CollectRows(rows, scanRun)
	q.EndedBeyond = len(q.Ended) >= most.ended
	return err
}

// What does not tell is left out behind the limit: before it, the planner would read
// all of a tag's history.
const pastSQL = `-- tagexec: estimate of batch, past runs
SELECT ` + runColumns + `
  FROM unnest(@tags::text[], @most::integer[]) t (tag, most)
 CROSS JOIN LATERAL (
       SELECT a.*
         FROM tagreport.attempts a
        WHERE a.tag = t.tag
        ORDER BY a.finished_at DESC
        LIMIT t.most) a
 WHERE ` + told + `
 ORDER BY a.finished_at DESC`

// loadPast reads the newest attempts of each tag. Those of this batch are in Ended.
func (q *Queue) loadPast(ctx context.Context, db Querier, most limits) error {
	tags := q.tags(most.tags)
	rows, err := db.Query(ctx, pastSQL, pgx.StrictNamedArgs{"tags": tags, "most": q.runsOf(tags, most.runs)})
	if err != nil {
		return err
	}
	runs, err := pgx.CollectRows(rows, scanRun)
	if err != nil {
		return err
	}
	q.Past = make(map[string][]Run, len(tags))
	for _, r := range runs {
		if r.Batch != q.Batch {
			q.Past[r.Tag] = append(q.Past[r.Tag], r)
		}
	}
	return nil
}

// runsOf is how many attempts are read of each of the tags, so many in all, or a few of
// each at least. A tag of which the batch has many jobs gets as many times more; what has
// ended of them comes on top, since it is not of the past.
func (q *Queue) runsOf(tags []string, all int) []int {
	jobs, ended := map[string]int{}, map[string]int{}
	for i := range q.Ended {
		jobs[q.Ended[i].Tag]++
		ended[q.Ended[i].Tag]++
	}
	for i := range q.Jobs {
		if q.Jobs[i].Batch == q.Batch {
			jobs[q.Jobs[i].Tag]++
		}
	}
	wanted, list := 0, make([]int, len(tags))
	for i, tag := range tags {
		list[i] = RunsOf(jobs[tag])
		wanted += list[i]
	}
	for i, tag := range tags {
		if wanted > all {
			list[i] = max(lastRuns, list[i]*all/wanted)
		}
		list[i] += ended[tag]
	}
	return list
}

// tags are those whose past is read: of the batch's jobs, then of others'.
func (q *Queue) tags(most int) []string {
	seen := map[string]bool{}
	add := func(tag string) {
		if len(seen) < most {
			seen[tag] = true
		}
	}
	for i := range q.Jobs {
		if q.Jobs[i].Batch == q.Batch {
			add(q.Jobs[i].Tag)
		}
	}
	for i := range q.Ended {
		add(q.Ended[i].Tag)
	}
	for i := range q.Jobs {
		add(q.Jobs[i].Tag)
	}
	return slices.Sorted(maps.Keys(seen))
}
