//go:build engines

package trino_test

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor/runner/sql/enginetest"
	"github.com/tagexec/tagexec/executor/runner/sql/enginetest/trinoserver"
)

func TestMain(m *testing.M) {
	if enginetest.Mortal() {
		return
	}
	os.Exit(m.Run())
}

// orphanEnds is query.client.timeout of the server, which is longer than the time of a job
// in the suite and what the server is given beyond it, and what it takes to notice.
const orphanEnds = 20*time.Second + 5*time.Second

func theTwentyCases(t *testing.T, server *trinoserver.Server) {
	const table = "CREATE TABLE tags (id bigint, note varchar)"
	server.Query(t, table)
	enginetest.Run(t, enginetest.Fixture{
		URL:      server.URL(),
		WrongTLS: strings.Replace(server.URL(), "trino://", "trino+https://", 1),
		Malformed: []string{
			"trino://etl_login@db:8080/a/b/c",
			"trino://db:8080/a/b",
			"trino://etl_login:" + trinoserver.Password + "@db:8080/a/b",
			"trino://etl_login:" + trinoserver.Password + "%zz@db:8080/a",
		},
		SQL: statements,
		Admin: enginetest.Admin{
			Empty: func(t testing.TB) { server.Query(t, "TRUNCATE TABLE tags") },
			Value: func(t testing.TB, query string) string { return server.Query(t, query)[0] },
			Running: func(t testing.TB) []string {
				return server.Query(t, `SELECT query_id || ' ' || coalesce(source, '') || ' ' || query FROM system.runtime.queries
					WHERE "user" = 'etl_login' AND state NOT IN ('FINISHED', 'FAILED')`)
			},
			Kill: func(t testing.TB, running string) {
				id, _, _ := strings.Cut(running, " ")
				server.Query(t, "CALL system.runtime.kill_query(query_id => '"+id+"', message => 'by a test')")
			},
			Processes: func(testing.TB) []int { return []int{server.Process()} },
			Restart: func(t testing.TB) {
				server.Restart(t)
				server.Query(t, table)
			},
		},
		OrphanEnds: orphanEnds,
		Stateless:  true,
		Exempt: map[int]string{
			6:  "there are no transactions",
			14: "a statement whose first answer is lost does nothing: it runs when that is asked for",
			19: "without TLS the server takes no password; see TestTrino",
		},
	})
}

var statements = enginetest.SQL{
	Table: "tags",
	Insert: func(n int) string {
		return "INSERT INTO tags SELECT id, 'new' FROM unnest(sequence(1, " + strconv.Itoa(n) + ")) AS t(id)"
	},
	Copy:   "CREATE TABLE copied AS SELECT id, note FROM tags",
	Uncopy: "DROP TABLE copied",
	Row: `SELECT bigint '9223372036854775807' AS big, decimal '12345678901234567890.10' AS decimal, date '2026-01-31' AS day,
		timestamp '2026-01-31 10:20:30' AS moment, NULL AS nothing, nan() AS none, 'it''s "ä" \' AS text`,
	RowJSON: `{"big":9223372036854775807,"day":"2026-01-31","decimal":12345678901234567890.10,"moment":"2026-01-31 10:20:30.000","none":"NaN","nothing":null,"text":"it's \"ä\" \\"}`,
	Bindings: []enginetest.Binding{
		{
			Name: "each kind", Payload: `{"statement": "SELECT ? AS a, ? AS b, ? AS c, ? AS d, ? AS e, ? AS f, ? AS g",
				"args": ["it's ? \"ä\" \\ \n", 9223372036854775807, 12345678901234567.8900, null, true, [1, 2], {"a": ["'"]}]}`,
			Want: `{"a":"it's ? \"ä\" \\ \n","b":9223372036854775807,"c":12345678901234567.8900,"d":null,"e":true,"f":[1,2],"g":"{\"a\":[\"'\"]}"}`,
		},
		{
			Name: "a whole number of 20 digits, a double, and a date", Payload: `{"statement": "SELECT ? AS a, ? AS b, cast(? AS date) AS c, '?''s' AS d",
				"args": [-18446744073709551615, 1.5e3, "2026-01-31"]}`,
			Want: `{"a":-18446744073709551615,"b":1500.0,"c":"2026-01-31","d":"?'s"}`,
		},
		{Name: "a text for a number", Payload: `{"statement": "INSERT INTO tags SELECT ?, 'x'", "args": ["7"]}`},
	},
	FewValues:  `{"statement": "INSERT INTO tags SELECT ?, ?", "args": [7]}`,
	SlowSelect: "SELECT count(*) FROM tpch.sf1000.lineitem WHERE comment LIKE '%q%z%q%'",
	SlowWrite:  "INSERT INTO tags SELECT orderkey, 'slow' FROM tpch.sf1000.lineitem WHERE orderkey % 1000 = 0",
	Million:    "SELECT orderkey, rpad(comment, 120, 'x') AS text FROM tpch.sf1.orders LIMIT 1000000",
	Wrong: []enginetest.Wrong{
		{Name: "syntax", Statement: "SELECT 'S3cret-4711' FROM WHERE", Code: "SYNTAX_ERROR"},
		{Name: "a missing table", Statement: "SELECT 'S3cret-4711'\nFROM missing", Code: "TABLE_NOT_FOUND"},
		{Name: "a missing column", Statement: "SELECT missing, 'S3cret-4711' FROM tags", Code: "COLUMN_NOT_FOUND"},
		{Name: "a missing function", Statement: "SELECT missing('S3cret-4711') FROM tags", Code: "FUNCTION_NOT_FOUND"},
		{Name: "a missing catalog", Statement: "SELECT 'S3cret-4711' FROM missing.default.tags", Code: "CATALOG_NOT_FOUND"},
		{Name: "a missing schema", Statement: "SELECT 'S3cret-4711' FROM memory.missing.tags", Code: "SCHEMA_NOT_FOUND"},
		{Name: "types", Statement: "SELECT 'S3cret-4711' + 1", Code: "TYPE_MISMATCH"},
		{Name: "a column's name in quotation marks", Statement: `SELECT "S3cret-4711" FROM tags`, Code: "COLUMN_NOT_FOUND"},
	},
	Retryable: []enginetest.Retryable{
		{Name: "memory", Statement: "SELECT cardinality(array_agg(comment)) FROM tpch.sf10.lineitem", Code: "EXCEEDED_LOCAL_MEMORY_LIMIT"},
		{Name: "data of a wrong type", Statement: "SELECT cast('S3cret-4711' AS bigint)", Code: "INVALID_CAST_ARGUMENT"},
		{Name: "division by zero", Statement: "SELECT 4711 / 0, 'S3cret-4711'", Code: "DIVISION_BY_ZERO"},
	},
	KilledBy:  "ADMINISTRATIVELY_KILLED",
	SetState:  []string{"SET SESSION join_max_broadcast_table_size = '4711B'"},
	ReadState: "SHOW SESSION LIKE 'join_max_broadcast_table_size'",
}
