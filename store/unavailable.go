package store

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Resource is what jobs need besides an executor of their kind: a source, a
// command, an origin.
type Resource struct {
	// Name names it to people, e.g. `source "warehouse"`, and tells it from the
	// others of its kind of job.
	Name string
	// Field is the field of the payload that says whether a job needs it; "" means
	// that every job of the kind does.
	Field string
	// Texts are the texts of Field that mean it, as Postgres's ->> returns them. "" is
	// also the text of a field that is left out. A * at the start or the end of a text
	// stands for anything.
	Texts []string
}

// pattern is a regular expression for Texts, the same to Go and to Postgres.
func (r Resource) pattern() string {
	var parts []string
	for _, text := range r.Texts {
		begin, end := "^", "$"
		if after, found := strings.CutPrefix(text, "*"); found {
			begin, text = "", after
		}
		if before, found := strings.CutSuffix(text, "*"); found {
			end, text = "", before
		}
		parts = append(parts, begin+regexp.QuoteMeta(text)+end)
	}
	return strings.Join(parts, "|")
}

// Unavailable is a resource that an executor cannot use now.
type Unavailable struct {
	Kind string // of the jobs that need it
	Resource
	Since time.Time // by the monotonic clock of the executor
	Error string    // why, one sentence without secrets
}

// NeededBy reports whether a job needs the resource.
func (u Unavailable) NeededBy(j *Job) bool {
	if j.Kind != u.Kind {
		return false
	}
	if u.Field == "" {
		return true
	}
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(j.Payload, &fields) // its Runner refuses what is no object
	text := string(fields[u.Field])
	var value *string
	if json.Unmarshal(fields[u.Field], &value) == nil {
		if text = ""; value != nil {
			text = *value
		}
	}
	found, _ := regexp.MatchString(u.pattern(), text) // the pattern is ours
	return found
}

// unavailable is what a session was told to avoid.
type unavailable struct {
	list     []Unavailable
	leaveOut *string // for claims; nil: nothing
}

// Avoid tells what the executor cannot use from now on. Its claims leave out the
// jobs that need any of it, and its heartbeats say so.
func (s *session) Avoid(list []Unavailable) {
	next := &unavailable{list: list}
	if len(list) > 0 {
		next.leaveOut = next.encode()
	}
	if before := s.avoided.Swap(next); before != nil && before.leaveOut != nil {
		// What was left out may lie before the positions, and nobody announces it.
		s.rescan.Store(true)
	}
}

// leaveOut is the argument @unavailable of claims.
func (s *session) leaveOut() *string {
	if u := s.avoided.Load(); u != nil {
		return u.leaveOut
	}
	return nil
}

// encode returns the list as a JSON array.
func (u *unavailable) encode() *string {
	type entry struct {
		Kind     string  `json:"kind"`
		Resource string  `json:"resource"`
		Field    string  `json:"field"`
		Pattern  string  `json:"pattern"`
		Seconds  float64 `json:"seconds"`
		Error    string  `json:"error"`
	}
	entries := make([]entry, len(u.list))
	for i, one := range u.list {
		entries[i] = entry{one.Kind, one.Name, one.Field, one.pattern(), time.Since(one.Since).Seconds(), one.Error}
	}
	text, _ := json.Marshal(entries) // strings and finite numbers: cannot fail
	encoded := string(text)
	return &encoded
}

// encoded is what is avoided now, with its age, nil for nothing.
func (s *session) encoded() *string {
	if u := s.avoided.Load(); u != nil && len(u.list) > 0 {
		return u.encode()
	}
	return nil
}

// A resource counts as unavailable in a pool since no live executor that serves
// the pool can use it. One that is bound to a batch counts whatever the job's batch
// is, so that a job is rather failed late. The two halves read the two indexes of
// pending jobs.
const giveUpSQL = `-- tagexec: give up
WITH nowhere AS MATERIALIZED (
    SELECT p.pool, u.kind, u.field, u.pattern, u.error, greatest(o.since, now() - make_interval(secs => u.seconds)) AS since
      FROM jsonb_to_recordset(@unavailable::text::jsonb) u (kind text, resource text, field text, pattern text, seconds double precision, error text)
     CROSS JOIN tagexec.tag_pools p
     CROSS JOIN LATERAL (
           SELECT max(x.since) AS since, bool_and(x.since IS NOT NULL) AS everywhere
             FROM tagexec.tag_executors e
            CROSS JOIN LATERAL (
                  SELECT max((m ->> 'since')::timestamptz) AS since
                    FROM jsonb_array_elements(e.unavailable) m
                   WHERE m ->> 'kind' = u.kind
                     AND (m ->> 'resource' = u.resource OR m ->> 'field' = '')) x
            WHERE ` + Claiming + `
              AND e.id <> @executor
              AND u.kind = ANY (e.kinds)
              AND (e.pools IS NULL OR p.pool = ANY (e.pools))) o
     WHERE o.everywhere IS NOT false
       AND (@pools::text[] IS NULL OR p.pool = ANY (@pools))
), found AS MATERIALIZED (
    SELECT j.id, j.since, u.error
      FROM nowhere u
     CROSS JOIN LATERAL (SELECT q.id, ` + unavailableSince + ` AS since FROM tagexec.tag_jobs q WHERE q.mutex_key IS NULL AND ` + tooLong + ` LIMIT 1000) j
    UNION ALL
    SELECT j.id, j.since, u.error
      FROM nowhere u
     CROSS JOIN LATERAL (SELECT q.id, ` + unavailableSince + ` AS since FROM tagexec.tag_jobs q WHERE q.mutex_key IS NOT NULL AND ` + tooLong + ` LIMIT 1000) j
), l AS MATERIALIZED (
    SELECT t.id
      FROM tagexec.tag_jobs t
     WHERE t.id = ANY (ARRAY(SELECT id FROM found))
       AND t.state = 'pending'
     ORDER BY t.id
       FOR UPDATE SKIP LOCKED
)
UPDATE tagexec.tag_jobs t
   SET state = 'failed', finished_at = clock_timestamp(), unavailable_since = f.since,
       error_code = 'unavailable', error = format('nothing could run it since %s: %s', date_trunc('second', f.since), f.error)
  FROM l
  JOIN (SELECT DISTINCT ON (id) id, since, error FROM found ORDER BY id, since) f ON f.id = l.id
 WHERE t.id = l.id`

const (
	unavailableSince = `greatest(u.since, coalesce(q.unavailable_since, greatest(q.created_at, q.run_at)))`

	// In a CASE the payload is read last: it may be what is damaged.
	tooLong = due + ` AND q.pool = u.pool AND q.kind = u.kind AND (@batch::text = '' OR q.batch = @batch)
       AND ` + unavailableSince + ` <= now() - make_interval(secs => coalesce(q.timeout_seconds, @timeout::double precision))
       AND CASE WHEN ` + writable + ` THEN ` + needed + ` END`
)

// GiveUp fails due jobs that no executor could run for their time, because what
// they need is unavailable here and wherever else they might run. It returns how
// many, at most a few thousand a call. A job whose row cannot be written is
// isolated, and the next call goes without it.
func (s *session) GiveUp(ctx context.Context) (int, error) {
	list := s.encoded()
	if list == nil {
		return 0, nil
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	tag, err := s.pool.Exec(ctx, giveUpSQL, pgx.StrictNamedArgs{
		"executor": s.id, "timeout": s.JobTimeout.Seconds(), "pools": s.Pools, "batch": s.Batch, "unavailable": list,
	})
	if err == nil {
		return int(tag.RowsAffected()), nil
	}
	if err = s.isolateClaimed(ctx, err); badRow(err) {
		// It can be read, but not changed.
		err = s.isolateClaimed(ctx, s.failedFor(ctx, err, findDueSQL, pgx.StrictNamedArgs{"kinds": s.Kinds, "batch": s.Batch}))
	}
	if err != nil {
		return 0, fmt.Errorf("give up jobs: %w", err)
	}
	return 0, nil
}
