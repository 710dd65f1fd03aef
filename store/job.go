package store

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Claim names one claim of one job. It is the fence: a result is stored only
// while the row still carries this attempt number and this executor, so the
// late result of an abandoned attempt changes nothing.
type Claim struct {
	ID       int64
	Attempt  int32
	Executor uuid.UUID
}

// Job is one claimed row: what a runner needs to run it and what the engine
// needs to decide about it afterwards.
type Job struct {
	Claim
	Tag            string
	Kind           string
	Payload        json.RawMessage
	Batch          *string
	BizDate        *time.Time // midnight UTC of the business date
	Pool           string
	Slots          int32
	Priority       int16
	MaxAttempts    int16
	MutexKey       *string
	TimeoutSeconds *int32
	RunAt          time.Time
	Failures       int32 // failures counted before this attempt
	Crashes        int16 // executors that died while they ran this job
}

// Outcome is how an attempt ended, as stored in tag_job_attempts.outcome.
type Outcome string

// Outcomes of an attempt.
const (
	Succeeded   Outcome = "succeeded"
	Failed      Outcome = "failed"
	TimedOut    Outcome = "timed_out"
	Cancelled   Outcome = "cancelled"
	Interrupted Outcome = "interrupted" // the executor stopped, or nothing ran (ErrorCode is unavailable); does not count as a failure
	Lost        Outcome = "lost"        // the executor died; written by whoever reaps it
)

// Result is what one attempt ended with; Record stores it.
type Result struct {
	Claim
	Outcome      Outcome         // any but Lost
	Permanent    bool            // a failure that no further attempt can mend
	Delay        time.Duration   // how long a job waits that becomes pending again; if it is unavailable, Record decides
	RowsAffected *int64          // of a SQL job
	ExitCode     *int32          // of a command; HTTP status of an HTTP job
	Value        json.RawMessage // what the runner returned, stored as the job's result; nil for nothing
	ErrorCode    string          // SQLSTATE or a word; "" for none
	Error        string          // one sentence; "" for none
	Output       string          // head and tail, valid UTF-8 without NUL
	OutputBytes  int64           // true length before it was cut
	QueryID      string          // by what the engine names the SQL statement that ran last; "" for none
}

// Fate is what became of one result.
type Fate string

// Fates of a result.
const (
	Applied Fate = "applied" // stored now
	Already Fate = "already" // stored before, by an earlier try of the same record
	Refused Fate = "lost"    // the claim is no longer the executor's; nothing was changed
	Missing Fate = "missing" // the row does not exist any more
	Locked  Fate = "locked"  // another session holds the row; try again

	Unwritten Fate = "unwritten" // Postgres refuses to change the row; try again in a minute
)
