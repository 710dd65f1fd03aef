package report

import (
	"context"
	"math"
	"slices"
	"strings"
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

	BizDate      string    // as 2006-01-02
	Executor     string    // id of the one that runs it or ran it last
	Until        time.Time // ended before then, as Since
	CreatedSince time.Time
	CreatedUntil time.Time // created before then, or just then
	Payload      *InPayload
}

// InPayload is a value somewhere in a payload. Only a viewer may ask for it, and no index
// leads to it.
type InPayload struct {
	Path  []string // names of fields, and numbers of elements of arrays
	Value string   // as text
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
     AND (@until::timestamptz IS NULL OR coalesce(j.finished_at, j.started_at, j.created_at) < @until)
     AND (@created_since::timestamptz IS NULL OR j.created_at >= @created_since)
     AND (@created_until::timestamptz IS NULL OR j.created_at <= @created_until)
     AND (@biz_date::date IS NULL OR j.biz_date = @biz_date)
     AND (@executor::uuid IS NULL OR j.executor_id = @executor)
     AND (@error::text = '' OR lower(j.error_code) = lower(@error) OR strpos(lower(j.error), lower(@error)) > 0)`

// matchesPayload is what it asks beyond that of a payload. The view has none, and who may
// not read the table may not even name it: so it is there only where it is asked for.
const matchesPayload = `
     AND (SELECT p.payload #>> @path::text[] FROM tagexec.tag_jobs p WHERE p.id = j.id) = @value::text`

// args are those of matches, for a list of up to limit jobs.
func (f JobFilter) args(limit int) pgx.NamedArgs {
	args := pgx.NamedArgs{"limit": limit, "states": nil, "tag": f.Tag, "pool": f.Pool, "kind": f.Kind, "error": f.Error, "biz_date": nil, "executor": nil}
	if len(f.States) > 0 {
		args["states"] = f.States
	}
	if f.BizDate != "" {
		args["biz_date"] = f.BizDate
	}
	if f.Executor != "" {
		args["executor"] = f.Executor
	}
	for name, t := range map[string]time.Time{"since": f.Since, "until": f.Until, "created_since": f.CreatedSince, "created_until": f.CreatedUntil} {
		if args[name] = nil; !t.IsZero() {
			args[name] = t
		}
	}
	if f.Payload != nil {
		args["path"], args["value"] = f.Payload.Path, f.Payload.Value
	}
	return args
}

// jobs asks for jobs that match, with a question that has matches in it.
func (r *Reader) jobs(ctx context.Context, f JobFilter, sql string, args pgx.NamedArgs) ([]Job, error) {
	role := analyst
	if f.Payload != nil {
		sql, role = strings.Replace(sql, matches, matches+matchesPayload, 1), viewer
	}
	return ask[Job](ctx, r, "list jobs", role, sql, args)
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
	case f.Tag != "" && f.only("succeeded", "failed", "cancelled"):
		return r.lookBack(ctx, ofTagByEnd, f, from, limit)
	case f.only("failed"):
		return r.lookBack(ctx, failedByEnd, f, from, limit)
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

// Whole reports whether Jobs lists all that match at once: there is no next page.
func (f JobFilter) Whole() bool { return f.Batch == "" && (f.only("running") || f.only("pending")) }
