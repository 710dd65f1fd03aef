// Package executor empties the queue: claim → run → record.
//
//	              ┌───────────────────────── Pool ──────────────────────────┐
//	tag_jobs ──claim──▶ claimer ──jobs──▶ workers ──results──▶ recorder ──record──▶ tag_jobs
//	(pending)     │        ▲   channel       │        list        │         │   + tag_job_attempts
//	              │        ├─────freed───────┘                    │         │
//	              │        └─────stored───────────────────────────┘         │
//	              │  heartbeat: renews the lease · guard: acts without one  │
//	              │  readback: cancelled, lost and unanswered claims, reap  │
//	              └─────────────────────────────────────────────────────────┘
//
// Jobs go forward over one channel, results into one list. Two flags go back to
// the claimer: freed, because a claim has become worthwhile, and stored, because
// a record may have freed a mutex key or slots of a pool.
//
// # Roles
//
// Each role is a type that owns its state; Pool holds what they share.
//
//   - claimer (claim*.go, one goroutine) claims jobs for free workers, and as
//     many ahead as short jobs need. It polls, and listens while it is idle.
//   - workers (work.go, Workers goroutines) run one job each.
//   - recorder (record*.go, one goroutine) stores results in groups.
//   - heartbeat (heartbeat.go, lease.go, two goroutines) renews the lease. It
//     stops jobs with a mutex key when the lease can no longer be trusted, and
//     registers again when this executor was reaped.
//   - readback (readback.go, one goroutine) compares what is held here with what
//     the database says, reaps dead executors, ends batches that are over, and
//     gives up jobs that nobody could run for their time.
//   - live (live*.go, one goroutine) shows the output of jobs that somebody watches,
//     each second; readback says which. A Runner joins by ShowOutput. It may fail or
//     hang without keeping anything else from its work.
//   - breaker (breaker*.go, a goroutine for each probe) keeps jobs from being
//     claimed that need what cannot be used here, until a probe succeeds, or
//     one job where a probe cannot tell.
//
// Run (lifecycle.go) starts them and stops them in order. An attempt of a job is
// held from its claim until its result was stored (attempt.go); finish.go turns
// any end of it into a storable result.
//
// The package sees neither Postgres nor the environment: it needs a [Queue],
// which *store.Store is, and a [Runner] for each kind of job. An [Observer] is told what
// it does (observe.go), and a [Tracer] follows single attempts (trace.go).
//
// # Guarantees
//
// Each is followed by a test that holds it.
//
//   - At most Workers jobs run at the same time
//     (TestWorkNeverRunsMoreJobsThanThereAreWorkers).
//   - A job is claimed only when a worker is free for it, or will be within a few
//     round trips of a claim (TestClaimTakesNoLongJobsAhead). If that turns out
//     wrong it is handed back within about a second
//     (TestClaimHandsJobsAheadBackWhenTheWorkersBecomeSlow).
//   - A Pool never runs a job twice at the same time
//     (TestClaimDoesNotStartAJobThatIsHeldHere).
//   - Each claimed job ends in exactly one result, whatever its Runner does:
//     return, panic, end its goroutine (TestFinishRecordsWhatARunnerReturns,
//     TestWorkGoesOnAfterGoexit), ignore its context
//     (TestAbandonRecordsTheAttemptOfARunnerThatIgnoresItsContext), print any
//     bytes (FuzzCleanText, FuzzCleanJSON).
//   - Results are kept until the database has taken or refused them
//     (TestRecordKeepsResultsInOrderUntilTheDatabaseAnswers), in bounded memory
//     (TestRecordBoundsMemoryInAnOutage).
//   - When the lease can no longer be trusted, nothing is claimed and jobs that
//     hold a mutex key are stopped; others run on, fenced by the store
//     (TestHeartbeatsThatFailStopClaimsAndMutexJobs).
//   - A cancelled job's context ends within five seconds
//     (TestReadbackStopsACancelledJobWithinFiveSeconds).
//   - A claim whose answer was lost is handed back once
//     (TestReadbackHandsBackAnUnansweredClaimOnce).
//   - A job of which nothing ran counts no failure, and others that need the same
//     are left to other executors (TestBreakerLeavesJobsToOthersUntilAProbeSucceeds,
//     TestBreakerDoesNotBelieveProbesThatSeeNothing).
//   - The jobs of a dead executor are offered again within its lease and two
//     heartbeats (TestReapTakesADeadExecutorWithinItsLeaseAndTwoHeartbeats).
//   - After its context ended, Run returns within Grace and five seconds, and if
//     the database answers no job is left running (TestRunShutsDown).
package executor
