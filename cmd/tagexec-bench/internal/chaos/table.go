package chaos

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// stored is a job as the tables tell of it, with its attempts in order.
type stored struct {
	ID          int64
	Tag         string
	Kind        string
	State       string
	Batch       *string
	Resubmitted bool
	Outcomes    []string
	Unavailable bool   // failed because nothing could run it, although it had an hour
	TakenAway   []bool // its executor had not ended it
	Started     []time.Time
	Finished    []time.Time
}

const storedSQL = `-- chaos: jobs
SELECT j.id, j.tag, j.kind, j.state, j.batch, coalesce(b.submit_count > 1, false),
       coalesce(a.outcomes, '{}'), coalesce(j.state = 'failed' AND j.error_code = 'unavailable' AND j.timeout_seconds IS NULL, false), coalesce(a.taken_away, '{}'), coalesce(a.started, '{}'), coalesce(a.finished, '{}')
  FROM tagexec.tag_jobs j
  LEFT JOIN tagexec.tag_batches b ON b.batch = j.batch
  LEFT JOIN (SELECT job_id,
                    array_agg(outcome ORDER BY attempt) AS outcomes,
                    array_agg(coalesce(error_code IN ('lost', 'crash_limit'), false) ORDER BY attempt) AS taken_away,
                    array_agg(started_at ORDER BY attempt) AS started,
                    array_agg(finished_at ORDER BY attempt) AS finished
               FROM tagexec.tag_job_attempts
              GROUP BY job_id) a ON a.job_id = j.id
 ORDER BY j.id`

// retry is an operator's order to run something again.
type retry struct {
	JobID *int64
	Batch *string
	At    time.Time
}

const retriesSQL = `-- chaos: retries
SELECT job_id, batch, at
  FROM tagexec.tag_operator_actions
 WHERE action IN ('retry_job', 'retry_batch')`

// tables are what the queue knows at the end.
type tables struct {
	jobs    []*stored
	byTag   map[string]*stored
	byID    map[int64]*stored
	retries map[int64][]time.Time  // of jobs
	again   map[string][]time.Time // of batches
	effects map[string]int         // of SQL jobs, by tag
}

func readTables(ctx context.Context, db *pgxpool.Pool) (*tables, error) {
	jobs, err := collect(ctx, db, storedSQL, pgx.RowToAddrOfStructByPos[stored])
	if err != nil {
		return nil, err
	}
	retries, err := collect(ctx, db, retriesSQL, pgx.RowToStructByPos[retry])
	if err != nil {
		return nil, err
	}
	effects, err := collect(ctx, db, "SELECT tag FROM chaos.effects", pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	t := &tables{
		jobs: jobs, byTag: map[string]*stored{}, byID: map[int64]*stored{},
		retries: map[int64][]time.Time{}, again: map[string][]time.Time{}, effects: map[string]int{},
	}
	for _, j := range jobs {
		t.byTag[j.Tag], t.byID[j.ID] = j, j
	}
	for _, r := range retries {
		if r.JobID != nil {
			t.retries[*r.JobID] = append(t.retries[*r.JobID], r.At)
		}
		if r.Batch != nil {
			t.again[*r.Batch] = append(t.again[*r.Batch], r.At)
		}
	}
	for _, tag := range effects {
		t.effects[tag]++
	}
	return t, nil
}

func collect[T any](ctx context.Context, db *pgxpool.Pool, sql string, to pgx.RowToFunc[T], args ...any) ([]T, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, to)
}

// ordered returns when operators asked to run a job again.
func (t *tables) ordered(j *stored) []time.Time {
	times := t.retries[j.ID]
	if j.Batch != nil {
		times = slices.Concat(times, t.again[*j.Batch])
	}
	return times
}

// takenAway returns the attempts that executors lost.
func (t *tables) takenAway() map[attempt]bool {
	away := map[attempt]bool{}
	for _, j := range t.jobs {
		for i, taken := range j.TakenAway {
			if taken {
				away[attempt{j.ID, i + 1}] = true
			}
		}
	}
	return away
}
