package report

import "time"

// Job is a row of tagreport.jobs, without what its batch has.
type Job struct {
	ID                int64      `json:"id"`
	Tag               string     `json:"tag"`
	Kind              string     `json:"kind"`
	Pool              string     `json:"pool"`
	Slots             int        `json:"slots"`
	Batch             *string    `json:"batch"`
	BizDate           *string    `json:"biz_date"`
	State             string     `json:"state"`
	Attempt           int        `json:"attempt"`
	Failures          int        `json:"failures"`
	MaxAttempts       int        `json:"max_attempts"`
	Priority          int        `json:"priority"`
	MutexKey          *string    `json:"mutex_key"`
	DedupeKey         *string    `json:"dedupe_key"`
	TimeoutSeconds    *int       `json:"timeout_seconds"`
	CreatedAt         time.Time  `json:"created_at"`
	CreatedBy         string     `json:"created_by"`
	RunAt             time.Time  `json:"run_at"`
	StartedAt         *time.Time `json:"started_at"`
	FinishedAt        *time.Time `json:"finished_at"`
	DeadlineAt        *time.Time `json:"deadline_at"`
	CancelRequestedAt *time.Time `json:"cancel_requested_at"`
	QueueWaitSeconds  *float64   `json:"queue_wait_seconds"`
	RunSeconds        *float64   `json:"run_seconds"`
	ExecutorID        *string    `json:"executor_id"`
	RowsAffected      *int64     `json:"rows_affected"`
	ExitCode          *int       `json:"exit_code"`
	ErrorCode         *string    `json:"error_code"`
	Error             *string    `json:"error"`
	UnavailableSince  *time.Time `json:"unavailable_since"`
}

// jobColumns are the fields of Job, of a relation j.
const jobColumns = `j.id, j.tag, j.kind, j.pool, j.slots, j.batch, j.biz_date::text AS biz_date, j.state, j.attempt, j.failures, j.max_attempts,
       j.priority, j.mutex_key, j.dedupe_key, j.timeout_seconds, j.created_at, j.created_by::text AS created_by, j.run_at, j.started_at, j.finished_at,
       j.deadline_at, j.cancel_requested_at, j.queue_wait_seconds, j.run_seconds, j.executor_id::text AS executor_id, j.rows_affected,
       j.exit_code, j.error_code, j.error, j.unavailable_since`
