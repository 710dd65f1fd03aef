package store_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// What the login, the database and the environment set changes nothing that our
// statements rely on.
func TestStatementsWorkWhateverTheLoginSets(t *testing.T) {
	t.Setenv("PGOPTIONS", "-c default_transaction_isolation=serializable -c search_path=mock")
	t.Setenv("PGTZ", "Asia/Shanghai")
	db := storetest.New(t)
	db.Exec("CREATE SCHEMA mock; CREATE FUNCTION mock.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT '1970-01-01'::timestamptz $$")
	role, login := db.Login("tagexec_executor")
	for _, setting := range []string{
		"datestyle = 'SQL, DMY'", "intervalstyle = 'sql_standard'", "timezone = 'Asia/Shanghai'", "client_encoding = 'LATIN1'",
		"standard_conforming_strings = off", "default_transaction_isolation = 'serializable'", "search_path = mock, pg_catalog",
		"statement_timeout = '1ms'", "lock_timeout = '1ms'", "idle_in_transaction_session_timeout = '1ms'", "idle_session_timeout = '1ms'",
		"bytea_output = 'escape'", "extra_float_digits = -15", "row_security = off", "plan_cache_mode = 'force_custom_plan'",
	} {
		db.Exec("ALTER ROLE " + role + " SET " + setting)
	}
	if storetest.One[bool](db, "SELECT current_setting('transaction_timeout', true) IS NOT NULL") { // since Postgres 17
		db.Exec("ALTER ROLE " + role + " SET transaction_timeout = '1ms'")
	}
	s, err := store.Open(login, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	db.Insert(storetest.Row{"tag": "日本é", "payload": `{"a": "é日"}`}, storetest.Row{"tag": "key", "mutex_key": "é"})
	c := db.ClaimerOn(s, store.Executor{})
	jobs := c.MustClaim(t, 10)
	if len(jobs) != 2 || jobs[0].Tag != "日本é" || !strings.Contains(string(jobs[0].Payload), "é日") {
		t.Fatalf("claimed %+v", jobs)
	}
	for i, fate := range c.MustRecord(t,
		store.Result{Claim: jobs[0].Claim, Outcome: store.Succeeded, Output: "→ é", Value: json.RawMessage(`{"x": "é日"}`)},
		store.Result{Claim: jobs[1].Claim, Outcome: store.Succeeded}) {
		if fate != store.Applied {
			t.Errorf("result %d: %s", i, fate)
		}
	}
	if got := storetest.One[string](db, "SELECT output || (SELECT result ->> 'x' FROM tagexec.tag_jobs WHERE id = job_id) FROM tagexec.tag_job_attempts WHERE output IS NOT NULL"); got != "→ éé日" {
		t.Errorf("stored %q", got)
	}
}

// In a database that is not in UTF-8 text arrives as it was. A character that the
// database does not have is stored as its number.
func TestTextInADatabaseOfAnotherEncoding(t *testing.T) {
	t.Parallel()
	db := storetest.Encoded(t, "LATIN1")
	if _, err := migrations.Up(t.Context(), db.URL); err != nil {
		t.Fatal(err)
	}
	db.Insert(storetest.Row{"tag": "é1", "payload": `{"args": ["é"]}`}, storetest.Row{"tag": "é2"})
	c := db.Claimer(store.Executor{})
	jobs := c.MustClaim(t, 2)
	if len(jobs) != 2 || jobs[0].Tag != "é1" || string(jobs[0].Payload) != `{"args": ["é"]}` {
		t.Fatalf("claimed %+v", jobs)
	}
	c.MustRecord(t,
		store.Result{Claim: jobs[0].Claim, Outcome: store.Succeeded, Output: "é"},
		store.Result{Claim: jobs[1].Claim, Outcome: store.Succeeded, Output: "→", Value: json.RawMessage(`{"x": "x 日"}`)})
	want := []string{"succeeded é ", `succeeded \u{2192} x \u{65e5}`}
	got := storetest.All[string](db, "SELECT concat(outcome, ' ', output, ' ', (SELECT result ->> 'x' FROM tagexec.tag_jobs j WHERE j.id = job_id)) FROM tagexec.tag_job_attempts ORDER BY job_id")
	storetest.Check(t, "attempts", got, want)
}
