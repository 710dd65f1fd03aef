package chaos

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// check compares the accounts once everything has ended.
func (b *testbed) check(ctx context.Context) (*Report, error) {
	violations, err := b.violations(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for violations: %w", err)
	}
	for _, v := range violations {
		b.findings.add(v.Rule, "%s", v.Detail)
	}
	early, err := collect(ctx, b.db, earlySQL, pgx.RowToStructByPos[Finding])
	if err != nil {
		return nil, fmt.Errorf("look for what ended too early: %w", err)
	}
	for _, f := range early {
		b.findings.add(f.Rule, "%s", f.Detail)
	}
	t, err := readTables(ctx, b.db)
	if err != nil {
		return nil, fmt.Errorf("read the tables: %w", err)
	}
	h, err := readHistory(b.path("history"))
	if err != nil {
		return nil, err
	}
	r := b.newReport()
	b.checkAccepted(ctx, t, r)
	b.checkRepeats(t, r)
	b.checkEffects(t)
	b.checkHistory(t, h)
	r.OverlapsOfKeys, r.OverlapsOfPools = h.overlaps(t.takenAway(), &b.findings)
	r.conclude(&b.findings)
	return r, nil
}

// checkAccepted looks for every job that a producer was told of.
func (b *testbed) checkAccepted(ctx context.Context, t *tables, r *Report) {
	known := 0
	for _, e := range b.answers.entries {
		present := 0
		for _, tag := range e.tags {
			j := t.byTag[tag]
			if j != nil {
				present++
			}
			switch {
			case j == nil && e.answer == accepted:
				b.findings.add("lost_job", "%s was accepted and is not there", tag)
			case j != nil && (j.State == "pending" || j.State == "running"):
				b.findings.add("lost_job", "job %d (%s) is %s: %s", j.ID, tag, j.State, b.explain(ctx, j.ID))
			case j != nil && e.answer == refused:
				b.findings.add("insert_not_atomic", "%s was refused and is there", tag)
			}
		}
		known += present
		switch e.answer {
		case accepted:
			r.Accepted += len(e.tags)
		case refused:
			r.Refused += len(e.tags)
		case unknown:
			r.Unknown += len(e.tags)
			r.UnknownThere += present
			if present != 0 && present != len(e.tags) {
				b.findings.add("insert_not_atomic", "%d of the %d jobs inserted from %s on are there", present, len(e.tags), e.tags[0])
			}
		}
	}
	if known != len(t.jobs) {
		b.findings.add("job_from_nowhere", "the table has %d jobs, of which producers know %d", len(t.jobs), known)
	}
}

func (b *testbed) explain(ctx context.Context, id int64) (why string) {
	if err := b.db.QueryRow(ctx, "SELECT tagexec.explain_job($1)", id).Scan(&why); err != nil {
		return err.Error()
	}
	return why
}

// checkRepeats looks for the cause of every attempt but the first. What had not
// succeeded is due to the operator if one asked for it between the attempts; where
// the server's clock was set in between it may be counted under the other cause.
func (b *testbed) checkRepeats(t *tables, r *Report) {
	for _, j := range t.jobs {
		r.Jobs[j.State]++
		if j.Unavailable {
			b.findings.add("failed_unrun", "job %d (%s) failed although nothing of it ran", j.ID, j.Tag)
		}
		r.Attempts += len(j.Outcomes)
		orders := t.ordered(j)
		for i := 1; i < len(j.Outcomes); i++ {
			cause := j.Outcomes[i-1]
			switch {
			case cause == "succeeded" || cause == "cancelled":
				if len(orders) == 0 && !j.Resubmitted {
					b.findings.add("repeat_without_cause", "job %d ran again although attempt %d was %s", j.ID, i, cause)
				}
				cause = "operator"
			default:
				for _, at := range orders {
					if at.After(j.Finished[i-1]) && at.Before(j.Started[i]) {
						cause = "operator"
					}
				}
			}
			r.Repeats[cause]++
		}
	}
}

// checkEffects compares SQL jobs with what their transactions left.
func (b *testbed) checkEffects(t *tables) {
	for tag, n := range t.effects {
		switch j := t.byTag[tag]; {
		case j == nil:
			b.findings.add("effect_without_job", "%s had an effect and is no job", tag)
		case n > len(j.Outcomes):
			b.findings.add("effect_without_job", "job %d had %d effects in %d attempts", j.ID, n, len(j.Outcomes))
		}
	}
	for _, j := range t.jobs {
		if j.Kind == "sql" && j.State == "succeeded" && t.effects[j.Tag] == 0 {
			b.findings.add("success_without_effect", "job %d succeeded and left nothing", j.ID)
		}
	}
}

// checkHistory compares commands with what they wrote.
func (b *testbed) checkHistory(t *tables, h *history) {
	for id, r := range h.runs {
		if r.starts > 1 {
			b.findings.add("ran_twice", "attempt %d of job %d started %d times", id.number, id.job, r.starts)
		}
		if j := t.byID[id.job]; j == nil || j.Tag != r.tag || id.number > len(j.Outcomes) {
			b.findings.add("effect_without_job", "attempt %d of job %d (%s) ran, of which the table knows nothing", id.number, id.job, r.tag)
		}
	}
	for _, j := range t.jobs {
		for i, outcome := range j.Outcomes {
			if j.Kind != "command" || outcome != "succeeded" {
				continue
			}
			if r := h.runs[attempt{j.ID, i + 1}]; r == nil || !r.ended {
				b.findings.add("success_without_effect", "attempt %d of job %d succeeded and did not come to its end", i+1, j.ID)
			}
		}
	}
}
