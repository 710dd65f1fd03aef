// Package store holds every statement the system runs: one verb, one file, the
// SQL directly above the function that runs it. Of ours it imports only package
// postgres, which makes its connections.
//
// # A claim
//
//	Claim
//	 │  notified, or nothing known?
//	 ├─ claim lanes ······ one statement, from the positions in memory
//	 ├─ scan lanes ······· which lanes, keys and suspects hold work   (a batch: find in batch)
//	 └─ each step, highest priority first
//	      unlimited pool, no key ── claim lanes                       claim_lanes.go
//	      unlimited pool, keys ──── take keyed; where keys wait:
//	                                find keyed ──────────────▶ take   claim_keyed.go
//	      limited pool ─ lock ─ room ─ find in lanes, keyed ─ fit ─ take   claim_limited.go
//	      batch ─────────────────── find in batch ───────────▶ take   claim_batch.go
//	      suspect ────── lock ─ room ───────────────────────▶ take    claim_suspect.go
//
// A lane is the pending jobs of one pool and one priority that have no mutex
// key. Candidates are found without a lock, fit chooses among them, take claims
// what is chosen and checks again that it may run. What "may run" means is
// written once, in claim_text.go. A job that needs what is unavailable to an
// executor is none of its own, as one of a foreign kind. When that can be used
// again, a scan from the beginning finds the job (unavailable.go).
//
// A statement for many jobs fails as a whole where Postgres refuses to change one
// row. Then isolate finds out which (unwritable.go), notes it in a table that "may
// run" reads, and the statement is sent again.
// Where a row cannot even be read, a search through the ids finds it; while its page
// is damaged, claims read the table by id and pass it by (unreadable.go).
//
// # Five rules, and their reasons
//
//  1. Claims start at a position in memory, not at the head of the index. A long
//     transaction keeps the index entries of claimed jobs from being removed, and
//     a claim from the head walks over all of them: 86,000 jobs/s fell to 36,000
//     over 300,000 jobs, and stay flat with positions. A scan from the beginning
//     finds what lies before a position; lanes_pace.go bounds its cost. The counts
//     of a limited pool start at the oldest claim that still runs, for the same
//     reason (claim_room.go).
//  2. The lock of a pool is taken in a statement before the one that counts. In
//     one statement the snapshot is older than the lock, and the limit was seen
//     exceeded. The count comes from the running rows and is kept in no counter,
//     because counters leak when a process dies.
//  3. Keys are walked by a loose scan: the next key is found from the key before
//     it. Reading the lane and leaving out running keys never gets past 100,000
//     jobs of one key.
//  4. Ids are handed to an UPDATE as ANY (ARRAY(…)). Joined, the planner scans the
//     table: 101,000 jobs/s against 17,000. State names are literals, because a
//     generic plan with state = $1 ignores the partial indexes.
//  5. A statement that waits for several rows locks them in id order, so that no
//     two can deadlock. Claims do not wait (SKIP LOCKED) and may lock in theirs.
//     One exception: successes are recorded without a lock before the update, which
//     costs the server a fifth less. It waits for less time than a server takes to
//     look for a deadlock, and leaves the rest to the record that locks
//     (record_successes.go, TestRecordSuccessesGivesWayBeforeADeadlock).
//
// Only the database's clock is compared with times in the database; ours
// measures durations. The database's clock may be set: who is dead is judged by
// ours alone (watch.go), and a deadline that was written before is not believed
// (reap.go). What would wait because the clock was ahead is moved (clock.go).
//
// # Locks
//
// They are rows, and one table, that only executors or our own functions may lock.
// An advisory lock any login may take, and hold: an analyst stopped the queue with
// a few. A row stands for all names with its hash. Each lock lives in one
// transaction, which takes them in the order of this table, so no two wait for each
// other; those marked "try" do not wait at all.
//
//	batch_locks   submit_jobs, cancel_*, retry_*   one change of a batch at a time; expire_batches tries
//	insert_lock   together by inserts, alone by prune of batches: no job names a batch that is being deleted
//	pool_locks    claims of a limited pool, try    the count and the claim are one
//	mutex_locks   claims of keyed jobs, try        two claimers do not meet in the unique index
//
// Two advisory locks are left, whose holder stops nobody. "tagexec listening" is a
// flag that all who listen share, for their session; triggers try it, and NOTIFY only
// while somebody has it. A stranger can raise it and so make inserts notify nobody;
// he cannot lower it. The other lets one process at a time migrate, see package
// migrations: who waits for it names the holder and gives up.
//
// # Promises, and the tests that hold them
//
//   - Each claim has one executor, and every later write for it carries (id,
//     attempt, executor_id). A write of an abandoned claim changes nothing and says
//     so (TestRecordRefusesAllButTheHolderOfTheClaim,
//     TestRecordChangesNothingByALateResultOfAnEarlierAttempt).
//   - Slots and mutex keys hold at every moment, whoever claims
//     (TestClaimLimitedByFourNeverExceedsThePools,
//     TestClaimKeyedByFourNeverRunsAKeyTwice, TestClaimLimitedCountsAfterTheLockIsTaken).
//   - A login without rights keeps nobody from anything by a lock
//     (TestAStrangersLocksStopNobody).
//   - Nothing overtakes in a limited pool, and nobody starves there
//     (TestClaimLimitedDoesNotStarveAWideJob, TestClaimLimitedStarvesNoKindInAFullPool).
//   - A position hides no job for longer than a scan
//     (TestClaimFindsARowBehindItsPosition, TestClaimFindsJobsBehindThoseOfAForeignKind).
//   - The jobs of a dead executor are offered again, of a living one they are not
//     (TestReapOffersTheJobsOfADeadExecutorAgain, TestReapTakesNobodyTooEarly),
//     whatever the server's clock does
//     (TestReapTakesNoJobFromALivingExecutorBecauseTheClockWasSet).
//   - A result that Postgres refuses keeps no other from being stored
//     (TestRecordKeepsAPoisonResultFromTheOthers).
//   - Nor does a row that Postgres refuses to change keep another job from being
//     claimed, recorded, reaped, given up, expired, cancelled or retried
//     (TestClaimGoesOnWithoutAJobWhoseRowCannotBeWritten,
//     TestRecordAndReapGoOnWithoutAJobWhoseRowCannotBeWritten,
//     TestGiveUpAndMoveBackGoOnWithoutAJobWhoseRowCannotBeWritten,
//     TestExpireGoesOnWithoutAJobWhoseRowCannotBeWritten,
//     TestBatchFunctionsGoOnWithoutAJobWhoseRowCannotBeWritten), nor a damaged page
//     (TestClaimGoesOnAroundADamagedPage).
//   - On a slow link claims and records shrink until they end in time
//     (TestPortionShrinksUntilStatementsEndInTime).
//   - Every two verbs on one row act as if one came after the other, without a
//     deadlock (TestPairsOfVerbsOnOneJobActAsIfOneCameAfterTheOther), and long
//     random sequences end as a model says (TestModelAndStoreAgree).
//   - No hot statement scans the table, with any statistics and kind of plan
//     (TestExplainHotStatementsUseTheirIndexes).
package store
