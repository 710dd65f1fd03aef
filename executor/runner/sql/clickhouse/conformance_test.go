//go:build engines

package clickhouse_test

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor/runner/sql/enginetest"
	"github.com/tagexec/tagexec/executor/runner/sql/enginetest/clickhouseserver"
)

func TestMain(m *testing.M) {
	if enginetest.Mortal() {
		return
	}
	os.Exit(m.Run())
}

// orphanEnds is the time of a job in the suite, what the server is given beyond it, and
// what it takes to notice.
const orphanEnds = enginetest.OrphanTime + 10*time.Second + 4*time.Second

func TestConformance(t *testing.T) {
	server := clickhouseserver.Start(t)
	server.Query(t, "CREATE TABLE tags (id Int64, note String) ENGINE = MergeTree ORDER BY id")
	server.Query(t, "CREATE DATABASE hidden")
	server.Query(t, "CREATE TABLE hidden.rows (id Int64) ENGINE = Memory")
	const password = "w0nderland-9"
	enginetest.Run(t, enginetest.Fixture{
		URL:      server.URL(),
		WrongTLS: strings.Replace(server.URL(), "clickhouse://", "clickhouse+https://", 1),
		Malformed: []string{
			"clickhouse://etl_login:" + password + "@db:8123/a/b",
			"clickhouse://etl_login:" + password + "@/a",
			"clickhouse://etl_login:" + password + "@db:8123/a?session_id=7",
			"clickhouse://etl_login:" + password + "%zz@db:8123/a",
		},
		SQL: statements,
		Admin: enginetest.Admin{
			Empty: func(t testing.TB) { server.Query(t, "TRUNCATE TABLE tags") },
			Value: func(t testing.TB, query string) string { return server.Query(t, query)[0] },
			Running: func(t testing.TB) []string {
				return server.Query(t, "SELECT concat(query_id, ' ', query) FROM system.processes WHERE user = 'etl_login' FORMAT TSVRaw")
			},
			Kill: func(t testing.TB, running string) {
				id, _, _ := strings.Cut(running, " ")
				server.Query(t, "KILL QUERY WHERE query_id = '"+id+"' SYNC")
			},
			Processes: func(testing.TB) []int { return []int{server.Process()} },
			Restart:   server.Restart,
		},
		OrphanEnds: orphanEnds,
		Exempt:     map[int]string{6: "there are no transactions"},
	})
}

var statements = enginetest.SQL{
	Table: "tags",
	Insert: func(n int) string {
		return "INSERT INTO tags SELECT number + 1, 'new' FROM numbers(" + strconv.Itoa(n) + ")"
	},
	Copy:   "CREATE TABLE copied ENGINE = MergeTree ORDER BY id AS SELECT id, note FROM tags",
	Uncopy: "DROP TABLE copied",
	Row: `SELECT toInt64(9223372036854775807) AS big, toUInt64(18446744073709551615) AS bigger, toDecimal64('12345.60', 2) AS decimal,
		toDate('2026-01-31') AS day, toDateTime('2026-01-31 10:20:30') AS moment, NULL AS nothing, 'it''s "ä" \\' AS text`,
	RowJSON: `{"big":9223372036854775807,"bigger":18446744073709551615,"day":"2026-01-31","decimal":12345.60,"moment":"2026-01-31 10:20:30","nothing":null,"text":"it's \"ä\" \\"}`,
	Bindings: []enginetest.Binding{ // this server is too old for them
		{Name: "an argument", Payload: `{"statement": "SELECT {n:Int64} AS n", "params": {"n": 7}}`},
	},
	FewValues:  `{"statement": "INSERT INTO tags SELECT {id:Int64}, {note:String}", "params": {"id": 7}}`,
	SlowSelect: "SELECT count() FROM system.numbers WHERE sipHash64(number) = 4711",
	SlowWrite:  "INSERT INTO tags SELECT number, 'slow' FROM system.numbers WHERE sleepEachRow(0.01) = 0 LIMIT 6000 SETTINGS max_block_size = 10",
	Million:    "SELECT number, '" + strings.Repeat("x", 100) + "' AS text FROM numbers(1000000)",
	Wrong: []enginetest.Wrong{
		{Name: "syntax", Statement: "SELECT 'S3cret-4711' FROM (SELECT", Code: "62"},
		{Name: "a missing table", Statement: "SELECT 'S3cret-4711' FROM missing", Code: "60"},
		{Name: "a missing column", Statement: "SELECT missing, 'S3cret-4711' FROM tags", Code: "47"},
		{Name: "a missing function", Statement: "SELECT missing('S3cret-4711') FROM tags", Code: "46"},
		{Name: "a column's name in quotation marks", Statement: "SELECT `S3cret-4711` FROM tags", Code: "47"},
	},
	Retryable: []enginetest.Retryable{
		{Name: "memory", Statement: "SELECT groupArray(number) FROM numbers(100000000) SETTINGS max_memory_usage = 10000000", Code: "241"},
		{Name: "data of a wrong type", Statement: "SELECT toInt8('S3cret-4711')", Code: "6"},
		{Name: "division by zero", Statement: "SELECT intDiv(4711, 0), 'S3cret-4711'", Code: "153"},
		{Name: "a missing right", Statement: "SELECT 'S3cret-4711' FROM hidden.rows", Code: "291"},
		{Name: "time", Statement: "SELECT count() FROM system.numbers SETTINGS max_execution_time = 1", Code: "159"},
	},
	KilledBy:  "394",
	SetState:  []string{"SET max_result_rows = 4711", "CREATE TEMPORARY TABLE left_behind (id Int64)", "INSERT INTO left_behind SELECT 1"},
	ReadState: "SELECT value FROM system.settings WHERE name = 'max_result_rows'",
}
