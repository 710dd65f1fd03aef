package migrations_test

import (
	"encoding/json"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/store/storetest"
)

// A question about the last day must not read the history: what it costs then
// does not grow with the age of the queue.
func TestReportsOfTheLastDayReadOnlyTheLastDay(t *testing.T) {
	t.Parallel()
	const attempts = 200_000
	db := storetest.New(t)
	db.Exec("ALTER TABLE tagexec.tag_jobs DISABLE TRIGGER check_new_jobs") // batches of their own below
	db.History(attempts)
	db.Exec("INSERT INTO tagexec.tag_batches (batch, created_at) SELECT batch, min(created_at) FROM tagexec.tag_jobs GROUP BY 1")
	db.Exec("INSERT INTO tagexec.tag_executors (id, hostname, pid, version, workers, kinds, lease_seconds) VALUES ('00000000-0000-0000-0000-000000000001', 'h', 1, '', 1, '{sql}', 60)")
	db.Exec("VACUUM ANALYZE tagexec.tag_jobs, tagexec.tag_past_attempts, tagexec.tag_batches")
	_, u := db.Login("tagexec_viewer")
	conn := storetest.Dial(t, u)
	for _, tt := range []struct {
		sql  string
		days float64 // that it has to read, at most
	}{
		{"SELECT * FROM tagreport.attempts WHERE finished_at > now() - interval '1 day'", 1},
		{"SELECT tag, outcome, count(*) FROM tagreport.attempts WHERE finished_at > now() - interval '1 day' GROUP BY 1, 2", 1},
		{"SELECT * FROM tagreport.tag_daily WHERE day >= current_date - 1", 2},
		{"SELECT * FROM tagreport.tag_daily WHERE day = current_date - 30 AND tag = 'tag 7'", 1},
		{"SELECT * FROM tagreport.tag_daily WHERE day BETWEEN current_date - 7 AND current_date", 8},
		{"SELECT * FROM tagreport.failure_reasons WHERE day >= current_date - 1", 2},
		{"SELECT * FROM tagreport.jobs WHERE created_at > now() - interval '1 day'", 1},
		{"SELECT * FROM tagreport.batches WHERE created_at > now() - interval '1 day'", 1},
		{"SELECT * FROM tagreport.attempts WHERE batch = 'b77'", 1},
		{"SELECT a.* FROM tagexec.tag_job_attempts a JOIN tagexec.tag_jobs j ON j.id = a.job_id WHERE j.batch = 'b77'", 2},
		{"SELECT * FROM tagreport.attempts WHERE tag = 'tag 7' AND finished_at > now() - interval '30 days'", 1}, // a fiftieth of thirty days
		{"SELECT * FROM tagreport.attempts WHERE tag = 'tag 7' ORDER BY finished_at DESC LIMIT 100", 1},
		{"SELECT * FROM tagreport.attempts WHERE job_id = 4711", 0.01},
		{"SELECT batch, dag_id, due_at FROM tagreport.batches ORDER BY created_at DESC LIMIT 25", 0}, // who asks for no count reads no jobs
		{"SELECT pool, slots, description FROM tagreport.pools", 0},
		{"SELECT * FROM tagreport.pools", 0},
		{"SELECT * FROM tagreport.executors", 0},
	} {
		p := explain(t, conn, tt.sql)
		read := p.read(map[string]float64{})
		for _, table := range []string{"tag_jobs", "tag_past_attempts"} {
			// The index leads to ranges of pages, here of about a day each: up to three that a
			// day lies in, and the newest, which is not full yet and read every time.
			if most := 4 * tt.days / 60 * attempts; read[table] > most {
				t.Errorf("%s\nreads %.0f rows of %s; at most %.0f are near what it asks for\n%+v", tt.sql, read[table], table, most, p)
			}
		}
	}
	// What a function reads is not in the plan of who calls it.
	days := explain(t, conn, "SELECT tagreport.days()")
	blocks, all := days.Hit+days.Read, storetest.One[float64](db, "SELECT (pg_relation_size('tagexec.tag_jobs') + pg_relation_size('tagexec.tag_past_attempts')) / 8192")
	if blocks > all/10 {
		t.Errorf("to find the days it reads %.0f blocks; the history has %.0f", blocks, all)
	}
}

func explain(t *testing.T, conn *pgx.Conn, sql string) plan {
	t.Helper()
	var raw []byte
	if err := conn.QueryRow(t.Context(), "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "+sql).Scan(&raw); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	var plans []struct{ Plan plan }
	if err := json.Unmarshal(raw, &plans); err != nil {
		t.Fatal(err)
	}
	return plans[0].Plan
}

// plan is a node of a plan, as EXPLAIN tells it.
type plan struct {
	Relation       string  `json:"Relation Name"`
	Rows           float64 `json:"Actual Rows"`
	Loops          float64 `json:"Actual Loops"`
	FilterRemoved  float64 `json:"Rows Removed by Filter"`
	RecheckRemoved float64 `json:"Rows Removed by Index Recheck"`
	Hit            float64 `json:"Shared Hit Blocks"` // with those below
	Read           float64 `json:"Shared Read Blocks"`
	Plans          []plan
}

// read adds up the rows that were looked at, by table.
func (p plan) read(rows map[string]float64) map[string]float64 {
	if p.Relation != "" {
		rows[p.Relation] += (p.Rows + p.FilterRemoved + p.RecheckRemoved) * p.Loops
	}
	for _, child := range p.Plans {
		child.read(rows)
	}
	return rows
}
