package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/cmd/internal/wait"
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
func (b *testbed) produceInserts(ctx context.Context, random *rand.Rand) {
	b.produce(ctx, random, 15*time.Millisecond, 60*time.Millisecond, func(ctx context.Context, n int) {
		jobs := newJobs(random, fmt.Sprintf("insert-%d", n), 1)
		_, err := b.producers.Exec(ctx, insertSQL, jobs[0].values()...)
		b.noteEnd(err, jobs)
	})
}

// produceCopies inserts many rows by COPY.
func (b *testbed) produceCopies(ctx context.Context, random *rand.Rand) {
	b.produce(ctx, random, 500*time.Millisecond, 1500*time.Millisecond, func(ctx context.Context, n int) {
		jobs := newJobs(random, fmt.Sprintf("copy-%d", n), 5+random.IntN(20))
		_, err := b.producers.CopyFrom(ctx, pgx.Identifier{"tagexec", "tag_jobs"}, columns,
			pgx.CopyFromSlice(len(jobs), func(i int) ([]any, error) { return jobs[i].values(), nil }))
		b.noteEnd(err, jobs)
	})
}

// submission is a batch as it was submitted.
type submission struct {
	batch string
	jobs  []job
}

// produceSubmissions submits batches, as an Airflow task does: a call that was
// not answered is repeated until it is, and now and then a task is run again.
func (b *testbed) produceSubmissions(ctx context.Context, random *rand.Rand) {
	var before []submission
	b.produce(ctx, random, 700*time.Millisecond, 2*time.Second, func(ctx context.Context, n int) {
		s := submission{fmt.Sprintf("batch-%d", n), newJobs(random, fmt.Sprintf("submit-%d", n), 3+random.IntN(17))}
		answer, err := b.submitUntilAnswered(ctx, s)
		b.note(answer, err, s.jobs)
		if answer == accepted {
			before = append(before, s)
		}
		if again := random.IntN(5 * max(1, len(before))); again < len(before) {
			// What it answers adds nothing: its jobs were answered for.
			err := b.submit(ctx, before[again])
			if _, right := answerOf(err); !right {
				b.findings.add("producer_error", "submit %s again: %v", before[again].batch, err)
			}
		}
	})
}

// submitUntilAnswered submits until there is an answer. A refusal after a call that was not
// answered leaves it open what that one did.
func (b *testbed) submitUntilAnswered(ctx context.Context, s submission) (answer, error) {
	for first := true; ; first = false {
		err := b.submit(ctx, s)
		told, right := answerOf(err)
		switch {
		case !right:
			return told, err
		case told == refused && !first:
			return unknown, nil
		case told != unknown || ctx.Err() != nil:
			return told, nil
		}
		wait.For(ctx, reportEvery)
	}
}

const submitSQL = `-- chaos: submit
SELECT tagexec.submit_jobs($1, $2::jsonb)`

func (b *testbed) submit(ctx context.Context, s submission) error {
	text, err := json.Marshal(s.jobs)
	if err != nil {
		return err
	}
	_, err = b.producers.Exec(ctx, submitSQL, s.batch, string(text))
	return err
}

// produce calls insert with 0, 1, 2 … until ctx ends. What is under way then is
// let finish, so that the end of the run makes nothing uncertain.
func (b *testbed) produce(ctx context.Context, random *rand.Rand, least, most time.Duration, insert func(ctx context.Context, n int)) {
	for n := 0; ctx.Err() == nil; {
		if b.pending.Load() < backlogLimit {
			own, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastInsert)
			insert(own, n)
			cancel()
			n++
		}
		wait.For(ctx, between(random, least, most))
	}
}

// noteEnd notes what the end of a statement told.
func (b *testbed) noteEnd(err error, jobs []job) {
	answer, right := answerOf(err)
	if right {
		err = nil
	}
	b.note(answer, err, jobs)
}

// note notes what a producer was told; err is one that no producer should see.
func (b *testbed) note(answer answer, err error, jobs []job) {
	if err != nil {
		b.findings.add("producer_error", "insert %d jobs from %s on: %v", len(jobs), jobs[0].Tag, err)
	}
	b.answers.note(answer, jobs)
}

func newJobs(random *rand.Rand, prefix string, n int) []job {
	jobs := make([]job, n)
	for i := range jobs {
		jobs[i] = newJob(random, fmt.Sprintf("%s-%d", prefix, i))
	}
	return jobs
}
