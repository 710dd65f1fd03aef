package storetest

import (
	"fmt"
	"maps"

	"github.com/tagexec/tagexec/store"
)

// Fill fills an empty queue with jobs in each state and with what can be shown beside
// them: two batches, a pool that is paused, executors that live, drain and are silent,
// output that is written now, actions. Every text is this one, of up to 100 characters.
// It returns the id of a job that runs for the second time.
func (db *DB) Fill(text, logURL string) (running int64) {
	db.t.Helper()
	db.Exec("INSERT INTO tagexec.tag_kinds (kind, description) VALUES ($1, $1)", text)
	db.Exec("INSERT INTO tagexec.tag_pools (pool, slots, description) VALUES ($1, 2, $1)", text)
	c := db.Claimer(store.Executor{Workers: 4, Kinds: []string{text}, Pools: []string{text}})
	silent, drains := db.Executor(), db.Executor()
	db.Exec("UPDATE tagexec.tag_executors SET hostname = $1, version = $1", text)
	db.Exec("UPDATE tagexec.tag_executors SET started_at = now() - interval '1 hour', heartbeat_at = now() - interval '10 minutes' WHERE id = $1", silent)

	submit := func(batch string, jobs ...Row) {
		for i, job := range jobs {
			maps.Copy(job, Row{
				"tag": text, "kind": text, "pool": text, "dedupe_key": fmt.Sprint(text, batch, i), "biz_date": "2026-11-22",
				"payload": Row{"statement": "SELECT 1 -- " + text, text: text},
			})
		}
		context := Row{"dag_id": text, "run_id": text, "task_id": text, "log_url": logURL, "due_at": "2026-11-22T04:00:00Z"}
		db.Exec("SELECT tagexec.submit_jobs($1, $2, $3)", batch, JSON(jobs), JSON(context))
	}
	claim := func(n int) (jobs []store.Job) {
		Eventually(db.t, "jobs are claimed", func() bool {
			jobs = append(jobs, c.MustClaim(db.t, n-len(jobs))...)
			return len(jobs) == n
		})
		return jobs
	}
	submit(text+" before", Row{})
	c.End(db.t, store.Succeeded, claim(1)...)
	submit(text, Row{"priority": 9}, Row{"priority": 8}, Row{"priority": 7}, Row{"priority": 6, "mutex_key": text}, // claimed in this order
		Row{"mutex_key": text}, Row{}, Row{"run_at": "2036-11-22T04:00:00Z"})
	jobs := claim(2)
	rows, exit := int64(7), int32(2)
	c.MustRecord(db.t,
		store.Result{Claim: jobs[0].Claim, Outcome: store.Succeeded, RowsAffected: &rows, Value: JSON(Row{text: text}), Output: text, OutputBytes: int64(len(text))},
		store.Result{Claim: jobs[1].Claim, Outcome: store.Failed, Permanent: true, ExitCode: &exit, ErrorCode: text, Error: text, Output: text, OutputBytes: 1 << 20})
	again := claim(1)
	c.MustRecord(db.t, store.Result{Claim: again[0].Claim, Outcome: store.Failed, ErrorCode: text, Error: text, Output: text, OutputBytes: int64(len(text))})
	jobs = claim(2)
	running = again[0].ID
	for _, j := range jobs {
		db.Exec("SELECT tagexec.watch_output($1)", j.ID)
		db.Exec("SELECT tagexec.append_live_output($1, $2, $3, 0, $4, $5)", j.ID, j.Attempt, c.ID, text+"\n", len(text)+1)
	}

	db.Exec(`WITH told AS MATERIALIZED (SELECT set_config('tagexec.ui_user', $1, true), set_config('tagexec.reason', $1, true))
	         UPDATE tagexec.tag_pools SET paused = true FROM told WHERE pool = $1`, text)
	db.Exec("SELECT tagexec.cancel_job(id, $1) FROM tagexec.tag_jobs WHERE dedupe_key = $1 || $1 || '5'", text)
	db.Exec("SELECT tagexec.set_batch_priority($1, 4, $1)", text)
	db.Exec("SELECT tagexec.drain_executor($1, $2)", drains, text)
	db.Exec(`INSERT INTO tagexec.tag_minutes (minute, pool, kind, outcome, attempts, run_seconds, wait_seconds, run_counts, wait_counts)
	         SELECT date_trunc('minute', now()) - i * interval '10 minutes', $1, $1, o, 5, 10, 10, '{0,5}', '{0,5}' FROM generate_series(1, 100) i, unnest(ARRAY['succeeded', 'failed']) o`, text)
	return running
}
