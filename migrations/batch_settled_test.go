package migrations_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestBatchSettledWhenNothingIsPendingOrRunning(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s, c := db.Store(), db.Claimer(store.Executor{})
	settled := func(want, wantFailFast bool) {
		t.Helper()
		if got := storetest.One[bool](db, "SELECT tagexec.batch_settled('b')"); got != want {
			t.Errorf("settled is %t", got)
		}
		if got := storetest.One[bool](db, "SELECT tagexec.batch_settled('b', fail_fast => true)"); got != wantFailFast {
			t.Errorf("settled with fail_fast is %t", got)
		}
	}
	submit(t, s, "b", "attach", object{"tag": "x", "priority": 9, "max_attempts": 1}, object{"tag": "y"})
	settled(false, false)
	jobs := c.MustClaim(t, 2)
	settled(false, false)
	c.End(t, store.Failed, jobs[0])
	settled(false, true)
	c.End(t, store.Succeeded, jobs[1])
	settled(true, true)
	db.Insert(storetest.Row{"batch": "b"})
	settled(false, true)
}

// noticed opens a connection, and returns the notices that arrive on it.
func noticed(t *testing.T, db *storetest.DB) (*pgx.Conn, *[]string) {
	t.Helper()
	config, err := pgx.ParseConfig(db.URL)
	if err != nil {
		t.Fatal(err)
	}
	notices := new([]string)
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { *notices = append(*notices, n.Message) }
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn, notices
}

func TestBatchSettledSaysHowFarABatchIsAndWhyNothingOfItRuns(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	conn, notices := noticed(t, db)
	says := func(want ...string) {
		t.Helper()
		*notices = nil
		if _, err := conn.Exec(t.Context(), "SELECT tagexec.batch_settled('b')"); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(*notices, want) {
			t.Errorf("notices %q, want %q", *notices, want)
		}
	}
	s := db.Store()
	submit(t, s, "b", "attach", object{"tag": "x", "priority": 9, "max_attempts": 1}, object{"tag": "y", "priority": 8}, object{"tag": "z"})
	first := storetest.One[int64](db, "SELECT min(id) FROM tagexec.tag_jobs")
	says(fmt.Sprintf(`0 of 3 done, 0 running; job %d: no live executor for kind sql and pool default; batch "b"`, first))
	c := db.Claimer(store.Executor{})
	jobs := c.MustClaim(t, 2)
	says(`0 of 3 done, 2 running; batch "b"`)
	db.Exec("UPDATE tagexec.tag_executors SET heartbeat_at = '2026-01-01Z'")
	says(fmt.Sprintf(`0 of 3 done, 2 running; job %d: no live executor for kind sql and pool default; batch "b"`, first+2))
	db.Exec("UPDATE tagexec.tag_jobs SET run_at = '2099-01-01Z' WHERE state = 'pending'")
	says(fmt.Sprintf(`0 of 3 done, 2 running; job %d: not due until 2099-01-01 00:00:00+00; batch "b"`, first+2))
	db.Exec("UPDATE tagexec.tag_jobs SET run_at = now() WHERE state = 'pending'")
	db.Exec("UPDATE tagexec.tag_executors SET heartbeat_at = now()")
	c.End(t, store.Failed, jobs[0])
	c.End(t, store.Succeeded, jobs[1])
	db.Exec("UPDATE tagexec.tag_pools SET paused = true")
	says(fmt.Sprintf(`2 of 3 done, 0 running, 1 failed; job %d: pool default is paused; batch "b"`, first+2))
	db.Exec("SELECT tagexec.cancel_batch('b')")
	says()
}

// Airflow logs a notice as it is: a tag with a line feed must not write a line.
func TestBatchSettledAndAssertBatchOkKeepTheTextOfJobsInItsLine(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	conn, notices := noticed(t, db)
	const forged = "t\nINFO all succeeded\u0085\x1b[32m\u202ea\u2028b\u200bc"
	c := db.Claimer(store.Executor{})
	held := db.Insert(storetest.Row{"tag": forged, "mutex_key": "k"})[0]
	c.MustClaim(t, 1)
	waits := db.Insert(storetest.Row{"tag": forged, "batch": "b\nc", "mutex_key": "k", "max_attempts": 1})[0]
	if _, err := conn.Exec(t.Context(), "SELECT tagexec.batch_settled($1)", "b\nc"); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`0 of 1 done, 0 running; job %d: mutex key k is held by job %d (t INFO all succeeded [32m a b c); batch "b c"`, waits, held)
	storetest.Check(t, "notices", *notices, "["+want+"]")
	db.Exec("UPDATE tagexec.tag_jobs SET state = 'failed', finished_at = now(), error_code = 'error', error = $2 WHERE id = $1", waits, "a\nb")
	_, err := db.Pool.Exec(t.Context(), "SELECT tagexec.assert_batch_ok($1)", "b\nc")
	if pg := storetest.PgError(t, err); pg.Message != `batch "b c": 0 of 1 jobs succeeded, 1 failed` || pg.Detail != "t INFO all succeeded [32m a b c: failed [error] a b" {
		t.Errorf("%q, detail %q", pg.Message, pg.Detail)
	}
}

// Where the page is known, a log leads to the batch.
func TestBatchSettledAndAssertBatchOkNameThePage(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	conn, notices := noticed(t, db)
	if _, err := conn.Exec(t.Context(), "SET tagexec.ui_url = 'https://ops.example/tagexec/'"); err != nil {
		t.Fatal(err)
	}
	for key, path := range map[string]string{
		"airflow:a_b:scheduled__2026-11-22T00:00:00.5+00:00": "airflow:a_b:scheduled__2026-11-22T00:00:00.5+00:00", "a/b c?#%": "a%2Fb%20c%3F%23%25", "日é": "%E6%97%A5%C3%A9", "..": "%2E%2E",
	} {
		*notices = nil
		job := db.Insert(storetest.Row{"batch": key, "max_attempts": 1})[0]
		if _, err := conn.Exec(t.Context(), "SELECT tagexec.batch_settled($1)", key); err != nil {
			t.Fatal(err)
		}
		page := "https://ops.example/tagexec/batches/" + path
		if len(*notices) != 1 || !strings.HasSuffix((*notices)[0], fmt.Sprintf("batch %q; %s", key, page)) {
			t.Errorf("%q: %q, want %s", key, *notices, page)
		}
		db.Exec("SELECT tagexec.cancel_job($1)", job)
		_, err := conn.Exec(t.Context(), "SELECT tagexec.assert_batch_ok($1)", key)
		if pg := storetest.PgError(t, err); !strings.HasSuffix(pg.Message, "1 cancelled; "+page) {
			t.Errorf("%q: %s, want %s", key, pg.Message, page)
		}
	}
}

func TestBatchSettledAndAssertBatchOkRaiseP0002ForAnUnknownBatch(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for _, sql := range []string{"SELECT tagexec.batch_settled('x')", "SELECT tagexec.batch_settled('x', true)", "SELECT tagexec.assert_batch_ok('x')"} {
		_, err := db.Pool.Exec(t.Context(), sql)
		if pg := storetest.PgError(t, err); pg.Code != "P0002" || pg.Message != `there is no batch "x"` {
			t.Errorf("%s: %v", sql, pg)
		}
	}
}
