package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
)

// backlogLimit is how many jobs may wait before the producers do: the drain at
// the end is then short on any machine.
const backlogLimit = 300

// lastInsert bounds the insert that is under way when the run ends.
const lastInsert = 15 * time.Second

var columns = []string{"tag", "kind", "payload", "pool", "slots", "priority", "mutex_key", "timeout_seconds", "max_attempts"}

func (j job) values() []any {
	return []any{j.Tag, j.Kind, j.Payload, j.Pool, j.Slots, j.Priority, j.MutexKey, j.Timeout, j.MaxAttempts}
}

const insertSQL = `-- chaos: insert
INSERT INTO tagexec.tag_jobs (tag, kind, payload, pool, slots, priority, mutex_key, timeout_seconds, max_attempts)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`

// produceInserts inserts single rows.
func (a *arena) produceInserts(ctx context.Context, random *rand.Rand) {
	a.produce(ctx, random, 15*time.Millisecond, 60*time.Millisecond, func(ctx context.Context, n int) {
		jobs := newJobs(random, fmt.Sprintf("insert-%d", n), 1)
		_, err := a.producers.Exec(ctx, insertSQL, jobs[0].values()...)
		a.heard(err, jobs)
	})
}

// produceCopies inserts many rows by COPY.
func (a *arena) produceCopies(ctx context.Context, random *rand.Rand) {
	a.produce(ctx, random, 500*time.Millisecond, 1500*time.Millisecond, func(ctx context.Context, n int) {
		jobs := newJobs(random, fmt.Sprintf("copy-%d", n), 5+random.IntN(20))
		_, err := a.producers.CopyFrom(ctx, pgx.Identifier{"tagexec", "tag_jobs"}, columns,
			pgx.CopyFromSlice(len(jobs), func(i int) ([]any, error) { return jobs[i].values(), nil }))
		a.heard(err, jobs)
	})
}

// submission is a batch as it was submitted.
type submission struct {
	batch string
	jobs  []job
}

// produceSubmissions submits batches, as an Airflow task does: a call that was
// not answered is repeated until it is, and now and then a task is run again.
func (a *arena) produceSubmissions(ctx context.Context, random *rand.Rand) {
	var before []submission
	a.produce(ctx, random, 700*time.Millisecond, 2*time.Second, func(ctx context.Context, n int) {
		s := submission{fmt.Sprintf("batch-%d", n), newJobs(random, fmt.Sprintf("submit-%d", n), 3+random.IntN(17))}
		answer, err := a.insistOn(ctx, s)
		a.note(answer, err, s.jobs)
		if answer == accepted {
			before = append(before, s)
		}
		if again := random.IntN(5 * max(1, len(before))); again < len(before) {
			// What it answers adds nothing: its jobs are in the ledger.
			err := a.submit(ctx, before[again])
			if _, right := heard(err); !right {
				a.findings.add("producer_error", "submit %s again: %v", before[again].batch, err)
			}
		}
	})
}

// insistOn submits until there is an answer. A refusal after a call that was not
// answered leaves it open what that one did.
func (a *arena) insistOn(ctx context.Context, s submission) (answer, error) {
	for first := true; ; first = false {
		err := a.submit(ctx, s)
		told, right := heard(err)
		switch {
		case !right:
			return told, err
		case told == refused && !first:
			return unknown, nil
		case told != unknown || ctx.Err() != nil:
			return told, nil
		}
		pause(ctx, reportEvery)
	}
}

const submitSQL = `-- chaos: submit
SELECT tagexec.submit_jobs($1, $2::jsonb)`

func (a *arena) submit(ctx context.Context, s submission) error {
	text, err := json.Marshal(s.jobs)
	if err != nil {
		return err
	}
	_, err = a.producers.Exec(ctx, submitSQL, s.batch, string(text))
	return err
}

// produce calls insert with 0, 1, 2 … until ctx ends. What is under way then is
// let finish, so that the end of the run makes nothing uncertain.
func (a *arena) produce(ctx context.Context, random *rand.Rand, least, most time.Duration, insert func(ctx context.Context, n int)) {
	for n := 0; ctx.Err() == nil; {
		if a.pending.Load() < backlogLimit {
			own, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastInsert)
			insert(own, n)
			cancel()
			n++
		}
		pause(ctx, between(random, least, most))
	}
}

// heard notes what the end of a statement told.
func (a *arena) heard(err error, jobs []job) {
	answer, right := heard(err)
	if right {
		err = nil
	}
	a.note(answer, err, jobs)
}

// note notes what a producer was told; err is one that no producer should see.
func (a *arena) note(answer answer, err error, jobs []job) {
	if err != nil {
		a.findings.add("producer_error", "insert %d jobs from %s on: %v", len(jobs), jobs[0].Tag, err)
	}
	a.ledger.note(answer, jobs)
}

func newJobs(random *rand.Rand, prefix string, n int) []job {
	jobs := make([]job, n)
	for i := range jobs {
		jobs[i] = newJob(random, fmt.Sprintf("%s-%d", prefix, i))
	}
	return jobs
}
