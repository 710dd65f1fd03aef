//go:build duckdb

package duckdb_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor/runner/sql/duckdb"
	"github.com/tagexec/tagexec/executor/runner/sql/enginetest"
)

func TestConformance(t *testing.T) {
	f := newFile(t)
	f.do(t, "CREATE TABLE t (id BIGINT, note VARCHAR)", "CREATE TABLE once (id BIGINT PRIMARY KEY, note VARCHAR)", "INSERT INTO once VALUES (4711, 'new')")
	const inProcess = "it runs in the process of the executor: "
	enginetest.Run(t, enginetest.Fixture{
		URL:       f.url(),
		InProcess: true,
		SQL:       statements(f),
		Admin: enginetest.Admin{
			Empty:   func(t testing.TB) { f.do(t, "DELETE FROM t") },
			Value:   func(t testing.TB, query string) string { return f.value(t, query) },
			Running: func(t testing.TB) []string { return slices.Concat(duckdb.Running(), f.others(t)) },
		},
		OrphanEnds: time.Second,
		Exempt: map[int]string{
			9:  inProcess + "no traffic shows when a statement begins; see TestACancelBeforeCommitKeepsNothing",
			11: inProcess + "it cannot be stopped alone",
			13: inProcess + "there is no connection to lose",
			14: inProcess + "there is no answer to lose",
			19: inProcess + "there is neither login nor network; see TestAFileThatCannotBeOpened",
		},
	})
}

func statements(f file) enginetest.SQL {
	return enginetest.SQL{
		Table: "t",
		Insert: func(n int) string {
			return "INSERT INTO t SELECT i, 'new' FROM range(1, " + strconv.Itoa(n+1) + ") AS r (i)"
		},
		Update: "UPDATE t SET note = 'same'",
		Copy:   "CREATE TABLE copy AS SELECT * FROM t",
		Uncopy: "DROP TABLE copy",
		Row: `SELECT 9223372036854775807 AS big, 12345678901234567890.1234567890::DECIMAL(30, 10) AS deci, 170141183460469231731687303715884105727 AS huge,
			DATE '1997-01-31' AS day, TIMESTAMP '1997-01-31 10:20:30.5' AS moment, TIMESTAMPTZ '1997-01-31 10:20:30Z' AS instant, NULL AS nothing,
			'nan'::DOUBLE AS none, 'say "it''s" \ ä' AS txt, [1.50, NULL] AS list, {'a': 1.50} AS struct, MAP {'k': 1.50} AS map,
			uuid '00010203-0405-0607-0809-0a0b0c0d0e0f' AS uuid`,
		RowJSON: `{"big":9223372036854775807,"day":"1997-01-31","deci":12345678901234567890.1234567890,"huge":170141183460469231731687303715884105727,` +
			`"instant":"1997-01-31T10:20:30Z","list":[1.50,null],"map":{"k":1.50},"moment":"1997-01-31 10:20:30.5","none":"NaN","nothing":null,` +
			`"struct":{"a":1.50},"txt":"say \"it's\" \\ ä","uuid":"00010203-0405-0607-0809-0a0b0c0d0e0f"}`,
		Bindings: []enginetest.Binding{
			{Name: "a string", Payload: `{"statement":"SELECT ? AS v","args":["it's \"é\" \\ $1 ?"]}`, Want: `{"v":"it's \"é\" \\ $1 ?"}`},
			{Name: "a string for a date", Payload: `{"statement":"SELECT cast(? AS DATE) AS v","args":["1997-01-31"]}`, Want: `{"v":"1997-01-31"}`},
			{Name: "a string for a column's date", Payload: `{"statement":"SELECT count(*) AS v FROM (SELECT DATE '1997-01-31' AS day) WHERE day = ?","args":["1997-01-31"]}`, Want: `{"v":1}`},
			{Name: "a number of 19 digits", Payload: `{"statement":"SELECT ? AS v","args":[9223372036854775807]}`, Want: `{"v":9223372036854775807}`},
			{Name: "a number below 0", Payload: `{"statement":"SELECT ? AS v","args":[-5]}`, Want: `{"v":-5}`},
			{Name: "a decimal", Payload: `{"statement":"SELECT cast(? AS DECIMAL(30, 10)) AS v","args":[12345678901234567890.1234567890]}`, Want: `{"v":12345678901234567890.1234567890}`},
			{Name: "a decimal below 0", Payload: `{"statement":"SELECT cast(? AS DECIMAL(30, 3)) AS v","args":[-0.05]}`, Want: `{"v":-0.050}`},
			{Name: "a boolean", Payload: `{"statement":"SELECT ? AS v","args":[true]}`, Want: `{"v":true}`},
			{Name: "null", Payload: `{"statement":"SELECT ? AS v","args":[null]}`, Want: `{"v":null}`},
			{Name: "an array", Payload: `{"statement":"SELECT ? AS v","args":[[1,2]]}`, Want: `{"v":"[1,2]"}`},
			{Name: "an object", Payload: `{"statement":"SELECT json_extract_string(?, '$.a') AS v","args":[{"a":1}]}`, Want: `{"v":"1"}`},
			{Name: "one value in two places", Payload: `{"statement":"SELECT $1 || $1 AS v","args":["a"]}`, Want: `{"v":"aa"}`},
			{Name: "a value that does not fit", Payload: `{"statement":"INSERT INTO t VALUES (?, '')","args":["soon"]}`},
			{Name: "one too many", Payload: `{"statement":"SELECT ? AS v","args":[1,2]}`},
		},
		FewValues:  `{"statement":"INSERT INTO t VALUES (?, ?)","args":[1]}`,
		SlowSelect: "SELECT count(*) FROM range(10000000) AS a (i), range(100000) AS b (j) WHERE hash(a.i + b.j) = 0",
		SlowWrite:  "INSERT INTO t SELECT a.i, 'slow' FROM range(10000000) AS a (i), range(100000) AS b (j) WHERE hash(a.i + b.j) % 1000003 = 0",
		Million:    "SELECT i AS n, repeat('x', 200) AS txt FROM range(1000000) AS r (i)",
		Wrong: []enginetest.Wrong{
			{Name: "syntax", Statement: "SELEKT '" + enginetest.Datum + "'", Code: "PARSER"},
			{Name: "a missing table", Statement: "SELECT '" + enginetest.Datum + "' FROM nowhere", Code: "CATALOG"},
			{Name: "a missing column", Statement: "SELECT nothing FROM t WHERE note = '" + enginetest.Datum + "'", Code: "BINDER"},
			{Name: "a missing function", Statement: "SELECT nothing('" + enginetest.Datum + "')", Code: "CATALOG"},
			{Name: "types", Statement: "SELECT DATE '1997-01-31' + DATE '1997-01-31' AS \"" + enginetest.Datum + "\"", Code: "BINDER"},
			{Name: "a column's name in quotation marks", Statement: `SELECT "` + enginetest.Datum + `" FROM t`, Code: "BINDER"},
		},
		Retryable: []enginetest.Retryable{
			{Name: "a file that jobs may not read", Statement: "SELECT content FROM read_text('/etc/" + enginetest.Datum + "')", Code: "PERMISSION"},
			{Name: "data that does not fit", Statement: "SELECT cast(note || '" + enginetest.Datum + "' AS INTEGER) FROM once", Code: "CONVERSION"},
			{Name: "a duplicate", Statement: "INSERT INTO once VALUES (4711, '" + enginetest.Datum + "')", Code: "CONSTRAINT"},
			{Name: "memory", Statement: "SELECT len(list(repeat('x', 1000) || i)) FROM range(10000000) AS r (i)", Code: "OUT_OF_MEMORY"},
			{Name: "a row that another changes", Statement: "UPDATE once SET note = 'mine'", Code: "TRANSACTIONCONTEXT", Before: func(t testing.TB) { change(t, f) }},
		},
		Ends:      []string{"COMMIT", "ROLLBACK", "BEGIN TRANSACTION", "ABORT"},
		SetState:  []string{"SET VARIABLE leak = 1", "SET TimeZone = 'Asia/Tokyo'", "SET threads = 1", "CREATE TEMPORARY TABLE leak (id INT)", "ATTACH ':memory:' AS leaks", "USE leaks"},
		ReadState: "SELECT getvariable('leak') AS v, current_setting('TimeZone') AS zone, current_setting('threads') AS threads, current_database() AS db, (SELECT count(*) FROM duckdb_tables() WHERE temporary) AS temp",
	}
}

// change changes a row, in a transaction that lasts until the test ends.
func change(t testing.TB, f file) {
	t.Helper()
	tx, err := f.open(t).Begin()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback() })
	if _, err := tx.Exec("UPDATE once SET note = 'theirs'"); err != nil {
		t.Fatal(fmt.Errorf("the other: %w", err))
	}
}
