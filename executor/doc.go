// Package executor empties the queue: claim → run → record.
//
//	                      ┌────────────────────── Pool ──────────────────────┐
//	tag_jobs ──claim──▶ claimer ──jobs──▶ N workers (Runner) ──results──▶ recorder ──record──▶ tag_jobs
//	(pending)           1 goroutine       fixed goroutine pool            group commit       + tag_job_attempts
//	                      └── keeper: heartbeat, lost and cancelled claims, reap of dead executors ──┘
//
// Data moves forward over two channels; nothing calls backwards. The package
// sees neither Postgres nor the environment: it needs a Queue, and a Runner
// for each kind of job.
//
// # Guarantees
//
//   - At most Workers jobs run at the same time. A job is claimed only when a
//     worker is free for it, or will be within a few round trips of a claim; if
//     that turns out wrong it is handed back within about a second.
//   - A job id is never run twice at the same time by one Pool.
//   - Each claimed job ends in exactly one result, whatever its Runner does:
//     return, panic, ignore its context, print any bytes. Results are kept
//     until the database has taken or refused them, in bounded memory.
//   - When the lease can no longer be trusted, nothing is claimed and jobs that
//     hold a mutex key are stopped; others run on, fenced by the store.
//   - After its context ends, Run returns within Grace and five seconds.
package executor
