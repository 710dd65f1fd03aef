package postgres_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/executor/runner/sql/enginetest"
	"github.com/tagexec/tagexec/store/devpg"
	"github.com/tagexec/tagexec/store/storetest"
)

const password = "hush-of-the-source"

func TestConformance(t *testing.T) {
	server := storetest.OwnServer(t, map[string]string{"deadlock_timeout": "100ms", "jit": "off"})
	admin := administrator{server}
	admin.exec(t, "CREATE ROLE tags_writer LOGIN PASSWORD '"+password+"'; GRANT CREATE ON SCHEMA public TO tags_writer")
	admin.exec(t, "CREATE TABLE tags (id bigint, note text); GRANT ALL ON tags TO tags_writer; CREATE TABLE secrets ()")
	source := login(t, server)
	enginetest.Run(t, enginetest.Fixture{
		URL:      source,
		WrongTLS: source + "&sslmode=require",
		Malformed: []string{
			strings.Replace(source, "127.0.0.1", "127.0.0.1 x", 1),
			source + "&sslmode=perhaps",
			source + "&sslmode=verify-full&sslrootcert=/nowhere/ca.pem",
		},
		SQL:        statements(admin),
		OrphanEnds: 10 * time.Second, // client_connection_check_interval is 5 s
		Admin: enginetest.Admin{
			Empty:     func(t testing.TB) { admin.exec(t, "TRUNCATE tags") },
			Value:     admin.value,
			Running:   admin.running,
			Kill:      admin.kill,
			Processes: admin.processes,
			Restart: func(t testing.TB) {
				if err := server.Restart(t.Context()); err != nil {
					t.Fatal(err)
				}
			},
		},
	})
}

func statements(admin administrator) enginetest.SQL {
	return enginetest.SQL{
		Table: "tags",
		Insert: func(n int) string {
			return fmt.Sprintf("INSERT INTO tags SELECT g, 'x' FROM generate_series(1, %d) g", n)
		},
		Update: "UPDATE tags SET note = 'same'",
		Copy:   "CREATE TABLE tags_copy AS SELECT * FROM tags",
		Uncopy: "DROP TABLE tags_copy",
		Row: `SELECT 9223372036854775807 AS big, 12345678901234567890.1234567890 AS decimal, '1997-01-31'::date AS day,
			'1997-01-31 10:20:30.5'::timestamp AS moment, NULL::int AS nothing, 'say "it''s" \' AS text`,
		RowJSON: `{"big":9223372036854775807,"day":"1997-01-31","decimal":12345678901234567890.1234567890,"moment":"1997-01-31T10:20:30.5","nothing":null,"text":"say \"it's\" \\"}`,
		Bindings: []enginetest.Binding{
			{Name: "a string", Payload: `{"statement":"SELECT $1::text AS v","args":["it's \"é\" \\ $1 ?"]}`, Want: `{"v":"it's \"é\" \\ $1 ?"}`},
			{Name: "a string for a date", Payload: `{"statement":"SELECT $1::date AS v","args":["1997-01-31"]}`, Want: `{"v":"1997-01-31"}`},
			{Name: "a number of 19 digits", Payload: `{"statement":"SELECT $1::bigint AS v","args":[9223372036854775807]}`, Want: `{"v":9223372036854775807}`},
			{Name: "a decimal", Payload: `{"statement":"SELECT $1::numeric AS v","args":[12345678901234567890.1234567890]}`, Want: `{"v":12345678901234567890.1234567890}`},
			{Name: "a boolean", Payload: `{"statement":"SELECT $1::boolean AS v","args":[true]}`, Want: `{"v":true}`},
			{Name: "null", Payload: `{"statement":"SELECT $1::int AS v","args":[null]}`, Want: `{"v":null}`},
			{Name: "an array", Payload: `{"statement":"SELECT $1::int[] AS v","args":[[1,2]]}`, Want: `{"v":[1,2]}`},
			{Name: "an object", Payload: `{"statement":"SELECT $1::jsonb AS v","args":[{"a":1}]}`, Want: `{"v":{"a":1}}`},
			{Name: "a value that does not fit", Payload: `{"statement":"SELECT $1::date AS v","args":["soon"]}`},
			{Name: "one too many", Payload: `{"statement":"SELECT $1::int AS v","args":[1,2]}`},
		},
		FewValues:  `{"statement":"INSERT INTO tags VALUES ($1, $2)","args":[1]}`,
		SlowSelect: "SELECT count(*) FROM (SELECT generate_series(1, 2000000000)) slow",
		SlowWrite:  "INSERT INTO tags SELECT g, 'slow' FROM generate_series(1, 100000) g WHERE pg_sleep(0.001) IS NOT NULL",
		Million:    "SELECT g AS n, repeat('x', 200) AS text FROM generate_series(1, 1000000) g",
		Wrong: []enginetest.Wrong{
			{Name: "syntax", Statement: "SELEKT '" + enginetest.Datum + "'", Code: "42601"},
			{Name: "a missing table", Statement: "SELECT '" + enginetest.Datum + "' FROM nowhere", Code: "42P01"},
			{Name: "a missing column", Statement: "SELECT nothing FROM tags WHERE note = '" + enginetest.Datum + "'", Code: "42703"},
			{Name: "a missing function", Statement: "SELECT nothing('" + enginetest.Datum + "')", Code: "42883"},
		},
		Retryable: []enginetest.Retryable{
			{Name: "a right that is missing", Statement: "SELECT '" + enginetest.Datum + "' FROM secrets", Code: "42501"},
			{Name: "data that does not fit", Statement: "SELECT '" + enginetest.Datum + "'::int", Code: "22P02"},
			{Name: "a lock that another has", Statement: "LOCK TABLE tags NOWAIT", Code: "55P03", Before: admin.lock},
			{Name: "too many locks", Code: "53200", Statement: `DO $$ BEGIN FOR i IN 1..100000 LOOP PERFORM pg_advisory_xact_lock(i); END LOOP; END $$`},
		},
		KilledBy:  "57014",
		Ends:      []string{"COMMIT", "ROLLBACK", "COMMIT AND CHAIN"},
		SetState:  []string{"SET work_mem = '7MB'", "CREATE TEMPORARY TABLE leak ()", "SET search_path = pg_temp", "PREPARE leak AS SELECT 1", "SELECT pg_advisory_lock(1)"},
		ReadState: `SELECT current_setting('work_mem') AS work_mem, current_setting('search_path') AS path, to_regclass('leak') AS leak, (SELECT count(*) FROM pg_prepared_statements) AS prepared, (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS locks`,
	}
}

// login is the URL of the source.
func login(t *testing.T, server *devpg.Server) string {
	u, err := url.Parse(server.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("tags_writer", password)
	return u.String()
}

// administrator connects anew each time: the server may have been restarted.
type administrator struct{ server *devpg.Server }

func (a administrator) connect(t testing.TB) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), a.server.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func (a administrator) exec(t testing.TB, statement string) {
	t.Helper()
	conn := a.connect(t)
	defer conn.Close(context.Background())
	if _, err := conn.Exec(context.Background(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func (a administrator) list(t testing.TB, query string) []string {
	t.Helper()
	conn := a.connect(t)
	defer conn.Close(context.Background())
	return list(t, conn, query)
}

func (a administrator) value(t testing.TB, query string) string {
	t.Helper()
	return a.list(t, "SELECT ("+query+")::text")[0]
}

func (a administrator) running(t testing.TB) []string {
	t.Helper()
	return a.list(t, "SELECT pid || ' ' || application_name || ' ' || query FROM pg_stat_activity WHERE usename = 'tags_writer' AND state <> 'idle'")
}

func (a administrator) kill(t testing.TB, running string) {
	t.Helper()
	pid, _, _ := strings.Cut(running, " ")
	// Between its parse and its execution a statement is in the list, and a cancel hits nothing.
	for range 100 {
		a.exec(t, "SELECT pg_cancel_backend("+pid+")")
		if !slices.Contains(a.running(t), running) {
			return
		}
	}
	t.Fatalf("still there after 100 cancels: %s", running)
}

// lock locks the table until the test ends.
func (a administrator) lock(t testing.TB) {
	t.Helper()
	conn := a.connect(t)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	if _, err := conn.Exec(context.Background(), "BEGIN; LOCK TABLE tags"); err != nil {
		t.Fatal(err)
	}
}

// processes are the server's first one and those of its sessions.
func (a administrator) processes(t testing.TB) (list []int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(a.server.DataDir(), "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	for _, pid := range append(a.list(t, "SELECT pid::text FROM pg_stat_activity WHERE pid <> pg_backend_pid()"), first) {
		n, err := strconv.Atoi(pid)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, n)
	}
	return list
}
