package store_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// What is read has a bound: of a pool 100,001 jobs of each of its two indexes, however
// many lanes they lie in; nothing of what has ended.
func TestQueueNowReadsNoMoreThanItCounts(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("ALTER TABLE tagexec.tag_jobs SET (autovacuum_enabled = false)")
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag, priority) SELECT 't', i % 10 FROM generate_series(1, 150000) i`)
	db.Exec(`INSERT INTO tagexec.tag_executors (id, hostname, pid, version, workers, kinds, lease_seconds, stopped_at) SELECT gen_random_uuid(), 'h', 1, '', 1, '{sql}', 60, now() FROM generate_series(1, 5000)`)
	db.Exec(`INSERT INTO tagexec.tag_batches (batch, created_at, due_at) SELECT 'b' || i, now() - interval '8 days', now() - interval '7 days' FROM generate_series(1, 5000) i`)
	db.Exec("VACUUM ANALYZE tagexec.tag_jobs, tagexec.tag_executors, tagexec.tag_batches")
	now, err := db.Store().QueueNow(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(now.Pools) != 1 || now.Pools[0].Due != 100_001 || now.Pools[0].Pending != 100_001 || *now.Pools[0].OldestDue <= 0 {
		t.Errorf("%+v", now)
	}
	sql, args := prepared(t, store.QueueNowSQL, map[string]any{"pools": "200"})
	conn := db.Conn()
	for _, set := range []string{"SET enable_seqscan = off", "SET jit = off", "PREPARE now AS " + sql} { // as the sessions of Store do
		if _, err := conn.Exec(t.Context(), set); err != nil {
			t.Fatal(err)
		}
	}
	var raw []byte
	if err := conn.QueryRow(t.Context(), fmt.Sprintf("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE now (%s)", args)).Scan(&raw); err != nil {
		t.Fatal(err)
	}
	var plans []struct{ Plan planNode }
	if err := json.Unmarshal(raw, &plans); err != nil {
		t.Fatal(err)
	}
	read := map[string]float64{}
	plans[0].Plan.count(read)
	for table, most := range map[string]float64{"tag_jobs": 100_001 + 20, "tag_executors": 0, "tag_batches": 0} {
		if read[table] > most {
			t.Errorf("%.0f rows of %s are read, want at most %.0f\n%s", read[table], table, most, raw)
		}
	}
}

// planNode is a node of a plan, as EXPLAIN tells it.
type planNode struct {
	Relation string  `json:"Relation Name"`
	Rows     float64 `json:"Actual Rows"`
	Loops    float64 `json:"Actual Loops"`
	Removed  float64 `json:"Rows Removed by Filter"`
	Plans    []planNode
}

// count adds up the rows that were looked at, by table.
func (p planNode) count(rows map[string]float64) {
	if p.Relation != "" {
		rows[p.Relation] += (p.Rows + p.Removed) * p.Loops
	}
	for _, child := range p.Plans {
		child.count(rows)
	}
}

func TestQueueNowTellsOfThePoolsThatMatter(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec(`INSERT INTO tagexec.tag_pools (pool) SELECT 'p' || i FROM generate_series(1, 300) i`)
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag, pool) VALUES ('t', 'p300'), ('t', 'p300'), ('t', 'p299')`)
	now, err := db.Store().QueueNow(t.Context())
	if err != nil || len(now.Pools) != store.MaxPoolsNow || now.Pools[0].Pool != "p300" || now.Pools[1].Pool != "p299" {
		t.Fatalf("%d pools, %v", len(now.Pools), err)
	}
}
