package demo

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/store/storetest"
)

func TestLoadBringsTheWholeLog(t *testing.T) {
	t.Parallel()
	conn := connect(t, storetest.Empty(t).URL)
	got, err := Load(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	want := Loaded{
		Customers: 23_570,
		Purchases: 69_659,
		FirstOn:   time.Date(1997, time.January, 1, 0, 0, 0, 0, time.UTC),
		LastOn:    time.Date(1998, time.June, 30, 0, 0, 0, 0, time.UTC),
		Dollars:   2_500_315.63,
		Tags:      13,
	}
	if got != want {
		t.Errorf("loaded %+v, want %+v", got, want)
	}

	if _, err := Load(t.Context(), conn); err == nil || !strings.Contains(err.Error(), `schema "demo" already exists`) {
		t.Errorf("a second Load: error %v, want one that names the schema", err)
	}
}

// What Load made and nobody explained.
const uncommentedSQL = `
SELECT c.relname || coalesce('.' || a.attname, '')
FROM pg_class c
LEFT JOIN pg_attribute a
    ON a.attrelid = c.oid
    AND a.attnum > 0
WHERE c.relnamespace = 'demo'::regnamespace
  AND c.relkind = 'r'
  AND (obj_description(c.oid, 'pg_class') IS NULL OR col_description(c.oid, a.attnum) IS NULL)
UNION ALL
SELECT p.proname
FROM pg_proc p
WHERE p.pronamespace = 'demo'::regnamespace
  AND obj_description(p.oid, 'pg_proc') IS NULL`

func TestEverythingLoadedHasAComment(t *testing.T) {
	t.Parallel()
	rows, err := loaded(t).Query(t.Context(), uncommentedSQL)
	if err != nil {
		t.Fatal(err)
	}
	missing, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if len(missing) > 0 {
		t.Errorf("no comment on %v", missing)
	}
}

func TestHistoryReadsTheIndexAloneAndSortsNothing(t *testing.T) {
	t.Parallel()
	rows, err := loaded(t).Query(t.Context(), "EXPLAIN (ANALYZE, COSTS OFF) SELECT * FROM demo.history('1998-06-30')")
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	plan := strings.Join(lines, "\n")
	for _, part := range []string{"GroupAggregate", "Index Only Scan using purchases_history", "Heap Fetches: 0"} {
		if !strings.Contains(plan, part) {
			t.Errorf("the plan has no %q:\n%s", part, plan)
		}
	}
	if strings.Contains(plan, "Sort Method") {
		t.Errorf("the plan sorts:\n%s", plan)
	}
}
