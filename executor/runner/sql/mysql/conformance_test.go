//go:build engines

package mysql_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor/runner/sql/enginetest"
)

func TestConformance(t *testing.T) {
	source, admin := database(t)
	db := name(source)
	must(t, admin, "CREATE TABLE leak (id int)")
	must(t, admin, "INSERT INTO leak VALUES (1)")
	list := "SELECT concat(id, ' ', info) FROM information_schema.processlist WHERE user = '" + db + "_job' AND info IS NOT NULL"
	// The administrator connects anew each time: the server may have been restarted.
	exec := func(t testing.TB, statement string) {
		t.Helper()
		if _, err := server.Admin.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	enginetest.Run(t, enginetest.Fixture{
		URL:      source,
		WrongTLS: source + "?tls=true",
		Malformed: []string{
			strings.Replace(source, "127.0.0.1", "127.0.0.1 x", 1),
			source + "/more",
			source + "?tls=perhaps",
			source + "?interpolateParams=true",
			source + "?tls_ca=/nowhere/ca.pem",
			strings.Replace(source, "127.0.0.1", "", 1),
		},
		SQL:        conformanceSQL(db),
		OrphanEnds: enginetest.OrphanTime + 11*time.Second, // the limit of the server is 10 s more than that of the job
		Admin: enginetest.Admin{
			Empty: func(t testing.TB) { exec(t, "DELETE FROM "+db+".t") },
			Value: func(t testing.TB, query string) (text string) {
				t.Helper()
				if err := server.Admin.QueryRow(query).Scan(&text); err != nil {
					t.Fatalf("%s: %v", query, err)
				}
				return text
			},
			Running: func(t testing.TB) (running []string) {
				t.Helper()
				rows, err := server.Admin.Query(list)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = rows.Close() }()
				for rows.Next() {
					var one string
					if err := rows.Scan(&one); err != nil {
						t.Fatal(err)
					}
					running = append(running, one)
				}
				return running
			},
			Kill: func(t testing.TB, running string) {
				id, _, _ := strings.Cut(running, " ")
				exec(t, "KILL QUERY "+id)
			},
			Processes: func(testing.TB) []int { return []int{server.Process().Pid} },
			Restart: func(t testing.TB) {
				t.Helper()
				if err := server.Restart(); err != nil {
					t.Fatal(err)
				}
			},
		},
	})
}

func conformanceSQL(db string) enginetest.SQL {
	table := db + ".t"
	return enginetest.SQL{
		Table: table,
		Insert: func(n int) string {
			return fmt.Sprintf("INSERT INTO t SELECT seq + (SELECT coalesce(max(id), 0) FROM t), 'x' FROM seq_1_to_%d", n)
		},
		Update: "UPDATE t SET note = 'same'",
		Copy:   "CREATE TABLE copy AS SELECT * FROM t",
		Uncopy: "DROP TABLE copy",
		Row: `SELECT 9223372036854775807 AS big, cast('12345678901234567890.1234567890' AS decimal(30,10)) AS deci, date '1997-01-31' AS day,
			timestamp '1997-01-31 10:20:30.5' AS moment, NULL AS nothing, 'say "it''s" \\' AS txt`,
		RowJSON: `{"big":9223372036854775807,"day":"1997-01-31","deci":12345678901234567890.1234567890,"moment":"1997-01-31 10:20:30.5","nothing":null,"txt":"say \"it's\" \\"}`,
		Bindings: []enginetest.Binding{
			{Name: "a string", Payload: `{"statement":"SELECT ? AS v","args":["it's \"é\" \\ $1 ?"]}`, Want: `{"v":"it's \"é\" \\ $1 ?"}`},
			{Name: "a string for a date", Payload: `{"statement":"SELECT cast(? AS date) AS v","args":["1997-01-31"]}`, Want: `{"v":"1997-01-31"}`},
			{Name: "a number of 19 digits", Payload: `{"statement":"SELECT ? AS v","args":[9223372036854775807]}`, Want: `{"v":9223372036854775807}`},
			{Name: "a number below 0", Payload: `{"statement":"SELECT ? AS v","args":[-5]}`, Want: `{"v":-5}`},
			{Name: "a decimal", Payload: `{"statement":"SELECT cast(? AS decimal(30,10)) AS v","args":[12345678901234567890.1234567890]}`, Want: `{"v":12345678901234567890.1234567890}`},
			{Name: "a boolean", Payload: `{"statement":"SELECT ? AS v","args":[true]}`, Want: `{"v":1}`},
			{Name: "null", Payload: `{"statement":"SELECT ? AS v","args":[null]}`, Want: `{"v":null}`},
			{Name: "an array", Payload: `{"statement":"SELECT ? AS v","args":[[1,2]]}`, Want: `{"v":"[1,2]"}`},
			{Name: "an object", Payload: `{"statement":"SELECT json_extract(?, '$.a') AS v","args":[{"a":1}]}`, Want: `{"v":"1"}`},
			{Name: "a value that does not fit", Payload: `{"statement":"INSERT INTO t VALUES (?, '')","args":["soon"]}`},
			{Name: "one too many", Payload: `{"statement":"SELECT ? AS v","args":[1,2]}`},
		},
		FewValues:  `{"statement":"INSERT INTO t VALUES (?, ?)","args":[1]}`,
		SlowSelect: "SELECT count(*) FROM seq_1_to_100000 a, seq_1_to_100000 b WHERE md5(a.seq + b.seq) = 'x'",
		SlowWrite:  "INSERT INTO t SELECT seq, 'slow' FROM seq_1_to_100000 WHERE sleep(0.001) = 0",
		Million:    "SELECT seq AS n, repeat('x', 200) AS txt FROM seq_1_to_1000000",
		Wrong: []enginetest.Wrong{
			{Name: "syntax", Statement: "SELEKT '" + enginetest.Datum + "'", Code: "1064"},
			{Name: "a missing table", Statement: "SELECT '" + enginetest.Datum + "' FROM nowhere", Code: "1146"},
			{Name: "a missing column", Statement: "SELECT nothing FROM t WHERE note = '" + enginetest.Datum + "'", Code: "1054"},
			{Name: "a missing function", Statement: "SELECT nothing('" + enginetest.Datum + "')", Code: "1305"},
		},
		Retryable: []enginetest.Retryable{
			{Name: "a right that is missing", Statement: "SELECT '" + enginetest.Datum + "' FROM mysql.user", Code: "1142"},
			{Name: "data that does not fit", Statement: "INSERT INTO t VALUES ('" + enginetest.Datum + "', '')", Code: "1366"},
			{Name: "a limit of the login", Statement: "SET STATEMENT max_statement_time = 0.1 FOR SELECT sleep(5)", Code: "1969"},
			{Name: "a row that another has locked", Statement: "SELECT * FROM t WHERE id = 1 FOR UPDATE NOWAIT", Code: "1205", Before: func(t testing.TB) { lock(t, table) }},
		},
		KilledBy:  "1317",
		Ends:      []string{"COMMIT", "ROLLBACK", "COMMIT AND CHAIN", "START TRANSACTION", "TRUNCATE t"},
		SetState:  []string{"SET @leak = 1", "SET sql_mode = ''", "SET max_statement_time = 77", "CREATE TEMPORARY TABLE leak (id int)", "DO get_lock('leak', 1)", "USE information_schema"},
		ReadState: "SELECT @leak AS v, @@sql_mode AS mode, @@max_statement_time AS time, (SELECT count(*) FROM " + db + ".leak) AS rows_of_leak, is_used_lock('leak') IS NULL AS free, database() AS db",
	}
}

// lock locks a row until the test ends.
func lock(t testing.TB, table string) {
	t.Helper()
	ctx := context.Background()
	tx, err := server.Admin.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback() })
	if _, err := tx.ExecContext(ctx, "INSERT INTO "+table+" VALUES (1, 'locked')"); err != nil {
		t.Fatal(err)
	}
}
