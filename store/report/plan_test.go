package report_test

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/store/report"
	"github.com/tagexec/tagexec/store/storetest"
)

// What a question costs does not grow with the queue and its history: each statement
// looks at 25,000 rows at most, of 60,000 jobs that have ended and 40,000 that wait.
func TestEachQuestionLooksAtFewRows(t *testing.T) {
	t.Parallel()
	const most = 25_000
	db := storetest.New(t)
	db.Exec("ALTER TABLE tagexec.tag_jobs DISABLE TRIGGER check_new_jobs") // batches of their own below
	db.History(60_000)
	db.Exec("INSERT INTO tagexec.tag_batches (batch, created_at, due_at) SELECT batch, min(created_at), max(created_at) FROM tagexec.tag_jobs GROUP BY 1")
	db.Exec("INSERT INTO tagexec.tag_jobs (tag, mutex_key) SELECT 'waits', CASE i % 2 WHEN 0 THEN 'k' || i % 7 END FROM generate_series(1, 40000) i")
	db.Exec("INSERT INTO tagexec.tag_executors (id, hostname, pid, version, workers, kinds, lease_seconds) VALUES ('00000000-0000-0000-0000-000000000001', 'h', 1, '', 1, '{sql}', 60)")
	db.Exec("INSERT INTO tagexec.tag_operator_actions (action, reason) SELECT 'cancel_job', 'why' FROM generate_series(1, 30000)")
	db.Exec("VACUUM ANALYZE")
	tracer := &statements{}
	r, err := report.OpenTraced(report.Config{URL: db.URL, Application: "test"}, tracer)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	r = r.Within(time.Minute)
	conn := db.Conn()
	list := questions(r, 4711, "b37")
	maps.Copy(list, ofViewers(r, 4711))
	list["clock"] = func(ctx context.Context) error { _, err := r.Clock(ctx); return err } // which everybody may ask
	looks := map[string]bool{                                                              // at how many rows is bounded elsewhere
		"list pools":             true, // counts of what waits, each of which ends at 100,001
		"list failures of a day": true, // a day
		"watch output":           true, // it writes
	}
	for name, ask := range list {
		if name == "pools" || name == "failures" || name == "watch" {
			continue
		}
		tracer.list = nil
		if err := ask(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(tracer.list) == 0 {
			t.Errorf("%s: no statement was seen", name)
		}
		for _, s := range tracer.list {
			looks[title(s.sql)] = true
			if read := looked(t, conn, s); read > most {
				t.Errorf("%s looks at %.0f rows, more than %d:\n%s", name, read, most, s.sql)
			}
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, sql := range strings.Split(string(text), "`-- tagexec: ")[1:] {
			if title := title("-- tagexec: " + sql); !looks[title] {
				t.Errorf("%s: nobody asks the question %q here, so nobody knows how many rows it looks at", file, title)
			}
		}
	}
}

// title is the first line of a statement, which names it.
func title(sql string) string {
	line, _, _ := strings.Cut(sql, "\n")
	return strings.TrimPrefix(line, "-- tagexec: ")
}

// statement is one that was sent, before the names of its arguments were replaced.
type statement struct {
	sql  string
	args []any
}

// statements remembers the questions that were sent.
type statements struct {
	mu   sync.Mutex
	list []statement
}

func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.HasPrefix(data.SQL, "-- tagexec: ") {
		s.list = append(s.list, statement{data.SQL, data.Args})
	}
	return ctx
}

func (*statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// looked returns how many rows a statement looks at, in all relations.
func looked(t *testing.T, conn *pgx.Conn, s statement) float64 {
	t.Helper()
	var raw []byte
	args := append([]any{pgx.QueryExecModeExec}, s.args...)
	if err := conn.QueryRow(t.Context(), "EXPLAIN (ANALYZE, FORMAT JSON) "+s.sql, args...).Scan(&raw); err != nil {
		t.Fatalf("%s: %v", s.sql, err)
	}
	var plans []struct{ Plan plan }
	if err := json.Unmarshal(raw, &plans); err != nil {
		t.Fatal(err)
	}
	return plans[0].Plan.read()
}

// plan is a node of a plan, as EXPLAIN tells it.
type plan struct {
	Relation       string  `json:"Relation Name"`
	Rows           float64 `json:"Actual Rows"`
	Loops          float64 `json:"Actual Loops"`
	FilterRemoved  float64 `json:"Rows Removed by Filter"`
	RecheckRemoved float64 `json:"Rows Removed by Index Recheck"`
	Plans          []plan
}

// read adds up the rows that were looked at.
func (p plan) read() float64 {
	rows := 0.0
	if p.Relation != "" {
		rows = (p.Rows + p.FilterRemoved + p.RecheckRemoved) * p.Loops
	}
	for _, child := range p.Plans {
		rows += child.read()
	}
	return rows
}
