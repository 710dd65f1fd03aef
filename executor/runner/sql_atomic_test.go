package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner"
)

// notAtomic makes a payload of statements that run without a transaction.
func notAtomic(statements ...string) string {
	return strings.TrimSuffix(payload(statements...), "}") + `,"atomic":false}`
}

func TestSQLWithoutATransaction(t *testing.T) {
	t.Parallel()
	source, super := database(t)
	must(t, super, "CREATE TABLE t (n int CONSTRAINT positive CHECK (n > 0)); GRANT ALL ON t TO PUBLIC; ALTER TABLE t OWNER TO "+value(t, super, "SELECT current_database()")+"_job")
	must(t, super, `CREATE PROCEDURE steps() LANGUAGE plpgsql AS 'BEGIN INSERT INTO t VALUES (1); COMMIT; INSERT INTO t VALUES (2); COMMIT; END'`)
	must(t, super, `CREATE PROCEDURE half() LANGUAGE plpgsql AS 'BEGIN INSERT INTO t VALUES (3); COMMIT; INSERT INTO t VALUES (-1); END'`)
	s := newSQL(t, map[string]string{"x": source}, runner.SQLOptions{PoolSize: 1})
	tests := []struct {
		name       string
		statements []string
		code       string // "" for success
		message    string
		rows       int64  // of the job
		result     string // of the job
		left       string // in the table
	}{
		{"VACUUM", []string{"VACUUM (ANALYZE) t"}, "", "", 0, "", ""},
		{"CREATE INDEX CONCURRENTLY", []string{"CREATE INDEX CONCURRENTLY t_n ON t (n)", "REINDEX INDEX CONCURRENTLY t_n", "DROP INDEX CONCURRENTLY t_n"}, "", "", 0, "", ""},
		{"a procedure that commits", []string{"CALL steps()"}, "", "", 0, "", "{1,2}"},
		{"rows and a result", []string{"INSERT INTO t VALUES (1), (2)", "UPDATE t SET n = n + 1 RETURNING n"}, "", "", 4, `{"n":2}`, "{2,3}"},
		{"what was done before an error stays", []string{"INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (-1)", "INSERT INTO t VALUES (2)"}, "23514", "statement 2 of 3: new row", 0, "", "{1}"},
		{"also in a procedure", []string{"CALL half()"}, "23514", "new row", 0, "", "{3}"},
		{"its own transaction", []string{"BEGIN", "INSERT INTO t VALUES (1)", "COMMIT"}, "", "", 1, "", "{1}"},
		{"its own transaction that it takes back", []string{"BEGIN", "INSERT INTO t VALUES (1)", "ROLLBACK"}, "", "", 1, "", ""},
		{"a transaction that it leaves open", []string{"BEGIN", "INSERT INTO t VALUES (1)"}, "transaction_open", "needs a COMMIT", 0, "", ""},
		{"VACUUM in its own transaction", []string{"BEGIN", "VACUUM t"}, "25001", "statement 2 of 2: VACUUM cannot run inside a transaction block", 0, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, err := s.Run(t.Context(), job(notAtomic(tt.statements...)))
			if tt.code != "" {
				f := wantFailure(t, err, tt.code, tt.code == "transaction_open" || tt.code == "25001", tt.message)
				if strings.Contains(f.Message, "atomic") {
					t.Errorf("message %q hints at what is done", f.Message)
				}
			} else if err != nil || *out.RowsAffected != tt.rows || string(out.Value) != tt.result {
				t.Errorf("rows %v, result %s, %v", out.RowsAffected, out.Value, err)
			}
			if left := value(t, super, "SELECT coalesce(array_agg(n ORDER BY n)::text, '') FROM t"); left != tt.left {
				t.Errorf("the table holds %s, want %s", left, tt.left)
			}
			must(t, super, "TRUNCATE t")
		})
	}
	t.Run("true is the default", func(t *testing.T) {
		_, err := s.Run(t.Context(), job(`{"statement":"VACUUM t","atomic":true}`))
		wantFailure(t, err, "25001", true, `VACUUM cannot run inside a transaction block; "atomic": false in the payload runs its statements without one`)
	})
	t.Run("it has the limits of a transaction", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		show := notAtomic(`SELECT current_setting('statement_timeout') AS a, current_setting('idle_in_transaction_session_timeout') AS b, current_setting('client_connection_check_interval') AS c`)
		out, err := s.Run(ctx, job(show))
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]string
		if err := json.Unmarshal(out.Value, &got); err != nil {
			t.Fatal(err)
		}
		if d, err := time.ParseDuration(got["a"]); err != nil || d < 60*time.Second || d > 70*time.Second || got["b"] != "1min" || got["c"] != "5s" {
			t.Errorf("got %v", got)
		}
		out, err = s.Run(t.Context(), job(`{"statement":"SELECT current_setting('statement_timeout') AS a"}`))
		if err != nil || string(out.Value) != `{"a":"0"}` {
			t.Errorf("the next job has %s, %v", out.Value, err)
		}
	})
	t.Run("a cancel ends it", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		run := start(ctx, s, notAtomic("INSERT INTO t VALUES (1)", "SELECT pg_sleep(60)"))
		eventually(t, "the statement runs", func() bool {
			return value(t, super, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query = 'SELECT pg_sleep(60)' AND state = 'active'") == "1"
		})
		cancel(executor.ErrCancelled)
		run.within(t, 10*time.Second)
		if !errors.Is(run.err, executor.ErrCancelled) || value(t, super, "SELECT count(*) FROM t") != "1" {
			t.Errorf("got %v", run.err)
		}
	})
	t.Run("a lost connection leaves it open what was done", func(t *testing.T) {
		wantFailure(t, loseConnection(t, source, super, notAtomic("SELECT pg_sleep(60)")), "commit_unknown", false, "the connection was lost during the statement: the changes may be stored or not")
	})
}

func TestSQLWithoutATransactionSaysWhatStays(t *testing.T) {
	t.Parallel()
	source, super := database(t)
	must(t, super, "CREATE TABLE t (n int); GRANT ALL ON t TO PUBLIC")
	s := newSQL(t, map[string]string{"x": source}, runner.SQLOptions{})
	const insert, broken = "INSERT INTO t VALUES (1)", "SELECT 1/0"
	for name, c := range map[string]struct {
		payload, message, left string
	}{
		"the first fails":                {notAtomic(broken, insert), "statement 1 of 2: division by zero", "0"},
		"the second fails":               {notAtomic(insert, broken, insert), "statement 2 of 3: division by zero; what statement 1 did stays", "1"},
		"the third fails":                {notAtomic(insert, insert, broken), "statement 3 of 3: division by zero; what statements 1 to 2 did stays", "2"},
		"one statement":                  {notAtomic(broken), "division by zero", "0"},
		"in a transaction nothing stays": {payload(insert, broken), "statement 2 of 2: division by zero", "0"},
	} {
		t.Run(name, func(t *testing.T) {
			must(t, super, "TRUNCATE t")
			_, err := s.Run(t.Context(), job(c.payload))
			if f := wantFailure(t, err, "22012", false); f.Message != c.message {
				t.Errorf("message %q, want %q", f.Message, c.message)
			}
			if left := value(t, super, "SELECT count(*) FROM t"); left != c.left {
				t.Errorf("%s rows stay, want %s", left, c.left)
			}
		})
	}
}
