package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// The unfinished jobs of the table that an index does not know: what reads that index
// alone, as claims do, passes them by, and nothing else tells. The table is read
// without any index, because none has state || ” IN; an index is read because it alone
// has that order, and sorting is off.
const (
	indexesSQL = `-- tagexec: diagnose indexes
WITH unfinished AS MATERIALIZED (
    SELECT j.id, j.state, j.mutex_key
      FROM {jobs} j
     WHERE j.state || '' IN ('pending', 'running')
), missing (index, id) AS (%s
)
SELECT 'finding', format('index %%s is damaged: it does not know %%s unfinished jobs, which may wait for ever and keep others waiting; one is job %%s', m.index, count(*), min(m.id)),
       format('As the schema''s owner: REINDEX INDEX CONCURRENTLY tagexec.%%s. Find out what damaged it.', m.index)
  FROM missing m
 GROUP BY m.index
 ORDER BY m.index`

	indexSQL = `
    (SELECT '%[1]s', j.id FROM unfinished j WHERE %[2]s
     EXCEPT
     SELECT '%[1]s', j.id FROM (SELECT j.id FROM {jobs} j WHERE %[2]s ORDER BY %[3]s) j)`
)

var indexesOfJobs = []struct{ name, where, order string }{
	{"tag_jobs_lanes", "j.state = 'pending' AND j.mutex_key IS NULL", "j.pool, j.priority DESC, j.run_at, j.id"},
	{"tag_jobs_keyed_lanes", "j.state = 'pending' AND j.mutex_key IS NOT NULL", "j.pool, j.mutex_key, j.priority DESC, j.run_at, j.id"},
	{"tag_jobs_running_by_pool", "j.state = 'running'", "j.pool, j.started_at"},
	{"tag_jobs_one_running_per_mutex_key", "j.state || '' = 'running' AND j.mutex_key IS NOT NULL", "j.mutex_key"},
}

func checkIndexes(ctx context.Context, t *target, tx pgx.Tx) ([]Diagnosis, error) {
	if _, err := tx.Exec(ctx, "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off"); err != nil {
		return nil, err
	}
	missing := []string{`
    SELECT 'tag_jobs_pkey', u.id FROM unfinished u WHERE NOT EXISTS (SELECT FROM {jobs} j WHERE j.id = u.id OFFSET 0)`}
	for _, i := range indexesOfJobs {
		missing = append(missing, fmt.Sprintf(indexSQL, i.name, i.where, i.order))
	}
	return collect(tx.Query(ctx, t.names.Replace(fmt.Sprintf(indexesSQL, strings.Join(missing, "\n    UNION ALL")))))
}
