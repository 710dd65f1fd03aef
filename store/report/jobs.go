package report

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// JobFilter says which jobs are wanted; what is empty asks for all.
type JobFilter struct {
	States []string
	Tag    string
	Batch  string
	Pool   string
	Kind   string
	Since  time.Time // ended since then; one that has not ended, started or was created
	Error  string    // its code, or a part of it in any case
}

// JobPage is a part of a list of jobs.
type JobPage struct {
	Jobs   []Job
	Looked *LookBack // how far it looked, if not at all that there are; nil: it did, or Jobs is full
	Next   *Place    // where the list goes on; nil: there is no more
}

// LookBack is how far somebody looked through jobs that no index leads to.
type LookBack struct {
	Jobs int
	Back time.Time // when the last of them was created or ended
}

// Place is a place in a list of jobs: after the job with this time and number.
type Place struct {
	At time.Time
	ID int64
}

// end is before the newest job.
func end() *Place {
	return &Place{time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), math.MaxInt64}
}

// matches is what a JobFilter asks of a job j.
const matches = `
   WHERE (@states::text[] IS NULL OR j.state = ANY (@states))
     AND (@tag::text = '' OR j.tag = @tag)
     AND (@pool::text = '' OR j.pool = @pool)
     AND (@kind::text = '' OR j.kind = @kind)
     AND (@since::timestamptz IS NULL OR coalesce(j.finished_at, j.started_at, j.created_at) >= @since)
     AND (@error::text = '' OR lower(j.error_code) = lower(@error) OR strpos(lower(j.error), lower(@error)) > 0)`

// args are those of matches, for a list of up to limit jobs.
func (f JobFilter) args(limit int) pgx.NamedArgs {
	args := pgx.NamedArgs{"limit": limit, "states": nil, "tag": f.Tag, "pool": f.Pool, "kind": f.Kind, "since": nil, "error": f.Error}
	if len(f.States) > 0 {
		args["states"] = f.States
	}
	if !f.Since.IsZero() {
		args["since"] = f.Since
	}
	return args
}

// only reports whether every state that is asked for is one of these.
func (f JobFilter) only(states ...string) bool {
	for _, s := range f.States {
		if !slices.Contains(states, s) {
			return false
		}
	}
	return len(f.States) > 0
}

// Jobs lists up to limit jobs that match, from a place on; nil is the beginning. The
// order is that of the index that leads to them: jobs of a batch and jobs in general by
// number, the newest first; ended ones of a tag and failed ones by their end, the
// latest first; pending ones as they are claimed; running ones by their start.
func (r *Reader) Jobs(ctx context.Context, f JobFilter, from *Place, limit int) (page JobPage, err error) {
	switch {
	case f.Batch != "":
		return r.jobsOfBatch(ctx, f, from, limit, maxBatchCount)
	case f.only("running"):
		page.Jobs, err = r.runningJobs(ctx, f, limit)
		return page, err
	case f.only("pending"):
		page.Jobs, err = r.pendingJobs(ctx, f, limit)
		return page, err
	case f.only("failed"):
		return r.lookBack(ctx, failedByEnd, f, from, limit)
	case f.Tag != "" && f.only("succeeded", "failed", "cancelled"):
		return r.lookBack(ctx, ofTagByEnd, f, from, limit)
	}
	return r.lookBack(ctx, byNumber, f, from, limit)
}

// Order says in words in which order Jobs lists what matches.
func (f JobFilter) Order() string {
	switch {
	case f.Batch != "":
	case f.only("running"):
		return "the longest running first"
	case f.only("pending"):
		return "in the order in which they are claimed"
	case f.only("failed"), f.Tag != "" && f.only("succeeded", "failed", "cancelled"):
		return "the latest to end first"
	}
	return "the newest first"
}

// AllJobs is Jobs for who goes on to the end: it lists running and pending jobs by
// number too, so that they have a next page, and a batch whatever its size. It costs what
// there is to read: ask within a minute or so.
func (r *Reader) AllJobs(ctx context.Context, f JobFilter, from *Place, limit int) (JobPage, error) {
	switch {
	case f.Batch != "":
		return r.jobsOfBatch(ctx, f, from, limit, math.MaxInt32)
	case f.only("running"), f.only("pending"):
		return r.lookBack(ctx, byNumber, f, from, limit)
	}
	return r.Jobs(ctx, f, from, limit)
}
