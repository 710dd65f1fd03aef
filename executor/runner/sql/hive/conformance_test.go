//go:build engines

package hive_test

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor/runner/sql/enginetest"
)

func TestMain(m *testing.M) {
	if !enginetest.Mortal() {
		os.Exit(m.Run())
	}
}

// TestSpark runs everything on one server, which takes its time to start.
func TestSpark(t *testing.T) {
	server := startSpark(t)
	t.Run("the example leaves its rows once, however often it runs", func(t *testing.T) { theExample(t, server) })
	t.Run("200 jobs by 8 workers on 3 connections", func(t *testing.T) { manyJobs(t, server) })
	t.Run("cases", func(t *testing.T) { theTwentyCases(t, server) })
}

func theTwentyCases(t *testing.T, server *spark) {
	server.exec(t, "CREATE TABLE tags (id BIGINT, note STRING) USING parquet")
	enginetest.Run(t, enginetest.Fixture{
		URL:       server.url(),
		WrongTLS:  server.url() + "?tls=true",
		Malformed: []string{"spark://tagger:Pa55-w0rd-of-spark@:x/default", "spark://tagger:Pa55-w0rd-of-spark@h/a/b", "spark://tagger:Pa55-w0rd-of-spark@h/a?auth=kerberos"},
		SQL: enginetest.SQL{
			Table:  "tags",
			Insert: func(n int) string { return fmt.Sprintf("INSERT INTO tags SELECT id + 1, 'x' FROM range(%d)", n) },
			Copy:   "CREATE TABLE tags_copy USING parquet AS SELECT * FROM tags",
			Uncopy: "DROP TABLE tags_copy",
			Row: "SELECT 9223372036854775807 AS big, cast(12345678901234567890.12 AS decimal(38,2)) AS dec, date'2026-01-31' AS d, " +
				"timestamp'2026-01-31 10:00:00' AS ts, null AS n, 'it\\'s \"quoted\"' AS t, cast(1.1 AS float) AS f, array(1, 2) AS list, true AS yes",
			RowJSON:    `{"big":9223372036854775807,"d":"2026-01-31","dec":12345678901234567890.12,"f":1.1,"list":[1,2],"n":null,"t":"it's \"quoted\"","ts":"2026-01-31T10:00:00","yes":true}`,
			SlowSelect: "SELECT sum(hash(a.id, b.id)) FROM range(1000000) a CROSS JOIN range(1000000) b",
			SlowWrite:  "INSERT INTO tags SELECT a.id, cast(hash(a.id, b.id) AS string) FROM range(1000000) a CROSS JOIN range(1000000) b WHERE hash(a.id, b.id) = 7",
			Million:    "SELECT id, repeat('x', 120) FROM range(1000000)",
			Wrong: []enginetest.Wrong{
				{Name: "syntax", Statement: "SELEC '" + enginetest.Datum + "'", Code: "42601"},
				{Name: "a missing table", Statement: "SELECT '" + enginetest.Datum + "' FROM nowhere", Code: "42P01"},
				{Name: "a missing column", Statement: "SELECT '" + enginetest.Datum + "', nothing FROM tags", Code: "42703"},
				{Name: "a missing function", Statement: "SELECT nothing('" + enginetest.Datum + "')", Code: "42883"},
			},
			Retryable: []enginetest.Retryable{
				{Name: "an error in the data", Statement: "SELECT assert_true(id < 0, 'is " + enginetest.Datum + "') FROM range(1)", Code: "error"},
			},
			KilledBy:  "error",
			SetState:  []string{"CREATE DATABASE IF NOT EXISTS other", "USE other", "SET spark.sql.shuffle.partitions=7"},
			ReadState: "SELECT current_database() AS db",
		},
		Admin: enginetest.Admin{
			Empty: func(t testing.TB) { server.exec(t, "TRUNCATE TABLE tags") },
			Value: func(t testing.TB, query string) string {
				var row map[string]json.RawMessage
				if err := json.Unmarshal(server.exec(t, query), &row); err != nil || len(row) != 1 {
					t.Fatalf("%s: %v", query, err)
				}
				for _, value := range row {
					return string(value)
				}
				return ""
			},
			Running:   server.running,
			Kill:      server.kill,
			Processes: func(testing.TB) []int { return []int{server.Process()} },
			Restart: func(t testing.TB) {
				server.Restart(t)
				server.exec(t, "SELECT 1") // the first session takes its time
			},
		},
		AnyLogin:   true,
		OrphanEnds: enginetest.OrphanTime + 15*time.Second,
		Exempt: map[int]string{
			3:  "the protocol has no arguments",
			6:  "there are no transactions",
			9:  "there are no transactions",
			14: "there is no COMMIT",
			15: "an orphan ends with its connection",
		},
	})
}
