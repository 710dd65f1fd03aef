package bench

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
)

var blockedScenario = Scenario{
	Name: "blocked", Short: "Work off jobs behind many that cannot run", Jobs: 100_000, Workers: 100, Repeat: 3, Pending: 1_000_000,
	comparisons: func(b *Bench) (comparisons []comparison) {
		const alone = "unblocked"
		for _, held := range []background{nil, oldSnapshot} {
			plain := trial{fill: fill{pending: b.Jobs}, target: b.Jobs, background: held}
			name, label := "", "ours"
			if held != nil {
				name, label = "_under_an_old_snapshot", "ours, old snapshot"
			}
			unblocked := b.engineVariant(alone+strings.ReplaceAll(name, "_", " "), plain)
			for _, cause := range causes {
				behind := plain
				behind.fill.blocked, behind.fill.cause = b.Pending, cause
				comparisons = append(comparisons, comparison{
					name: strings.ReplaceAll(cause, " ", "_") + name, ours: b.engineVariant(label+", behind "+cause, behind),
					baselines: []*variant{unblocked}, goals: []goal{timeGoal(unblocked.name, 1.5)},
				})
			}
		}
		comparisons[0].name = "" // the first is what the others are variants of
		return comparisons
	},
}

// Why jobs cannot run.
const (
	pausedPool       = "a paused pool"
	fullPool         = "a full pool"
	busyKey          = "a busy key"
	foreignKind      = "a foreign kind"
	foreignKindAbove = "a foreign kind of higher priority"
)

// What jobs that cannot run are of, and wait for.
const (
	otherKind  = "bench_other"
	closedPool = "bench paused"
	takenPool  = "bench full"
)

var causes = []string{pausedPool, fullPool, busyKey, foreignKind, foreignKindAbove}

// blockedSQL: $1 jobs that cannot run for the cause $2, in front of all others.
const blockedSQL = `
INSERT INTO tagexec.tag_jobs (tag, kind, pool, mutex_key, priority)
SELECT 'blocked',
       CASE WHEN $2 IN ('` + foreignKind + `', '` + foreignKindAbove + `') THEN '` + otherKind + `' ELSE '` + kind + `' END,
       CASE $2 WHEN '` + pausedPool + `' THEN '` + closedPool + `' WHEN '` + fullPool + `' THEN '` + takenPool + `' ELSE 'default' END,
       CASE $2 WHEN '` + busyKey + `' THEN 'bench busy' END,
       CASE $2 WHEN '` + foreignKind + `' THEN 5 ELSE 9 END
  FROM generate_series(1, $1::integer)`

// blockSQL: another executor, which holds what they wait for.
const blockSQL = `
INSERT INTO tagexec.tag_kinds (kind) VALUES ('` + otherKind + `');
INSERT INTO tagexec.tag_pools (pool, slots, paused) VALUES ('` + closedPool + `', 1, true), ('` + takenPool + `', 1, false);
WITH other AS (
    INSERT INTO tagexec.tag_executors (id, hostname, pid, version, workers, kinds, lease_seconds)
    VALUES (gen_random_uuid(), 'bench', 1, 'bench', 1, '{` + otherKind + `}', 86400)
    RETURNING id
)
INSERT INTO tagexec.tag_jobs (tag, kind, pool, mutex_key, state, attempt, executor_id, started_at, deadline_at)
SELECT 'holder', '` + kind + `', h.pool, h.mutex_key, 'running', 1, id, now(), now() + interval '1 day'
  FROM other, (VALUES ('` + takenPool + `', NULL), ('default', 'bench busy')) h (pool, mutex_key)`

func (f fill) putBlocked(ctx context.Context, db *pgxpool.Pool) error {
	if f.blocked == 0 {
		return nil
	}
	if _, err := db.Exec(ctx, blockSQL); err != nil {
		return err
	}
	_, err := db.Exec(ctx, blockedSQL, f.blocked, f.cause)
	return err
}
