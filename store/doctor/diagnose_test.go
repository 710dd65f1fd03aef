package doctor_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/doctor"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// report is what Diagnose returned, and its findings and unknowns as text.
type report struct {
	all               []doctor.Diagnosis
	findings, unknown []string
}

// diagnose calls Diagnose for the database at u.
func (s *server) diagnose(u string, maxAge time.Duration) (r report) {
	s.Helper()
	var err error
	if r.all, err = doctor.Diagnose(s.Context(), u, maxAge); err != nil {
		s.Fatal(err)
	}
	for _, d := range r.all {
		text := fmt.Sprintf("%s: %s → %s", d.Check, d.Detail, d.Remedy)
		switch d.Level {
		case doctor.Finding:
			r.findings = append(r.findings, text)
		case doctor.Unknown:
			r.unknown = append(r.unknown, text)
		}
	}
	return r
}

// logged logs r for a wait that may be in vain, and returns false.
func (r report) logged(t *testing.T, what string) bool {
	t.Logf("%s\nfindings %s\nunknown %s", what, strings.Join(r.findings, "\n"), strings.Join(r.unknown, "\n"))
	return false
}

// maxAge is the age of a snapshot that is a finding, where it does not matter.
const maxAge = 5 * time.Minute

const insertJob = `INSERT INTO tagexec.tag_jobs (tag, kind, pool, batch, slots, run_at, created_at) VALUES `

func TestDiagnoseNamesWhatIsWrongUntilItIsMended(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	if r := s.diagnose(s.url, maxAge); len(r.findings) != 1 || !strings.Contains(r.findings[0], "no tagexec schema") {
		t.Errorf("without a schema: %+v", r.all)
	}
	if _, err := migrations.Up(t.Context(), s.url); err != nil {
		t.Fatal(err)
	}
	well := func() {
		t.Helper()
		if r := s.diagnose(s.url, maxAge); len(r.findings)+len(r.unknown) != 0 {
			t.Fatalf("all is well, but got %+v", r.all)
		}
	}
	well()
	executor := func(set string) string {
		return `INSERT INTO tagexec.tag_executors (id, hostname, pid, version, workers, kinds, lease_seconds)
		        VALUES ('00000000-0000-0000-0000-000000000001', 'host-a', 7, 'v', 4, '{sql}', 30);
		        UPDATE tagexec.tag_executors SET ` + set
	}
	const (
		none      = "TRUNCATE tagexec.tag_jobs, tagexec.tag_executors, tagexec.tag_batches"
		nextJobID = "SELECT setval('tagexec.tag_jobs_id_seq', (SELECT coalesce(max(id), 1) FROM tagexec.tag_jobs))"
		running   = `UPDATE tagexec.tag_jobs SET state = 'running', attempt = 1, executor_id = '00000000-0000-0000-0000-000000000001', started_at = now() - interval '1 hour', deadline_at = now() + interval '1 hour'`
		alive     = "heartbeat_at = now(), lease_seconds = 300"
	)
	for _, tt := range []struct {
		name         string
		cause        []string
		want, remedy string // parts of the finding
		mend         []string
	}{
		{"schema too new", []string{"INSERT INTO tagexec.schema_versions (version, min_compatible, code_hash) VALUES (99, 99, 'x')"},
			"schema: the schema has version 99 and needs a tagexec that knows version 99", "newer tagexec", []string{"DELETE FROM tagexec.schema_versions WHERE version = 99"}},
		{"schema too old", []string{"CREATE TABLE kept AS SELECT * FROM tagexec.schema_versions", "DELETE FROM tagexec.schema_versions WHERE version < (SELECT max(version) FROM kept)", "UPDATE tagexec.schema_versions SET version = 9"},
			fmt.Sprint("schema: the schema has version 9, this tagexec needs at least ", store.MinSchemaVersion), "tagexec migrate up", []string{"DELETE FROM tagexec.schema_versions", "INSERT INTO tagexec.schema_versions SELECT * FROM kept"}},
		{"schema without its functions", []string{"UPDATE tagexec.schema_versions SET code_hash = NULL"},
			fmt.Sprint("schema: the schema has version 0, this tagexec needs at least ", store.MinSchemaVersion), "tagexec migrate up", []string{"UPDATE tagexec.schema_versions v SET code_hash = k.code_hash FROM kept k WHERE k.version = v.version"}},
		{"role missing", []string{"DROP OWNED BY tagexec_analyst", "DROP ROLE tagexec_analyst"},
			"roles: there is no role tagexec_analyst", "CREATE ROLE tagexec_analyst NOLOGIN", []string{"CREATE ROLE tagexec_analyst NOLOGIN", "SELECT tagexec.grant_roles()"}},
		{"table grant missing", []string{"REVOKE INSERT ON tagexec.tag_past_attempts FROM tagexec_executor"},
			"roles: role tagexec_executor lacks INSERT on tagexec.tag_past_attempts", "grant_roles()", []string{"SELECT tagexec.grant_roles()"}},
		{"function grant missing", []string{"REVOKE EXECUTE ON FUNCTION tagexec.explain_job FROM tagexec_operator"},
			"roles: role tagexec_operator lacks EXECUTE on tagexec.explain_job(id bigint)", "grant_roles()", []string{"SELECT tagexec.grant_roles()"}},
		{"column grant missing", []string{"REVOKE INSERT (payload) ON tagexec.tag_jobs FROM tagexec_producer"},
			"roles: role tagexec_producer lacks INSERT of payload on tagexec.tag_jobs", "grant_roles()", []string{"SELECT tagexec.grant_roles()"}},
		{"view grant missing", []string{"REVOKE ALL ON SCHEMA tagreport FROM tagexec_analyst"},
			"roles: role tagexec_analyst lacks USAGE on schema tagreport", "grant_roles()", []string{"SELECT tagexec.grant_roles()"}},
		{"autovacuum off", []string{"ALTER SYSTEM SET autovacuum = off", "SELECT pg_reload_conf()"},
			"autovacuum: autovacuum is off on the whole server", "ALTER SYSTEM SET autovacuum = on", []string{"ALTER SYSTEM SET autovacuum = on", "SELECT pg_reload_conf()"}},
		{"track_counts off", []string{"ALTER SYSTEM SET track_counts = off", "SELECT pg_reload_conf()"},
			"autovacuum: track_counts is off", "ALTER SYSTEM SET track_counts = on", []string{"ALTER SYSTEM SET track_counts = on", "SELECT pg_reload_conf()"}},
		{"autovacuum off for a table", []string{"ALTER TABLE tagexec.tag_jobs SET (autovacuum_enabled = false)"},
			"autovacuum: autovacuum is turned off for tagexec.tag_jobs", "RESET (autovacuum_enabled)", []string{"ALTER TABLE tagexec.tag_jobs RESET (autovacuum_enabled)"}},
		{"settings lost", []string{"ALTER TABLE tagexec.tag_jobs RESET (autovacuum_vacuum_threshold)"},
			"autovacuum: tagexec.tag_jobs has lost settings", "SET (autovacuum_vacuum_threshold=5000)", []string{"ALTER TABLE tagexec.tag_jobs SET (autovacuum_vacuum_threshold=5000)"}},
		{"dead rows", []string{"INSERT INTO tagexec.tag_past_attempts SELECT i, gen_random_uuid(), now(), now(), now(), NULL, 0, 1, NULL, '', 'succeeded' FROM generate_series(1, 60000) i", "DELETE FROM tagexec.tag_past_attempts"},
			"autovacuum: tagexec.tag_past_attempts has 60000 dead rows beside 0 living ones; the last vacuum was never", "VACUUM tagexec.tag_past_attempts", []string{"VACUUM tagexec.tag_past_attempts"}},
		{"nobody runs its kind", []string{executor(alive), insertJob + "('t', 'http', 'default', NULL, 1, now() - interval '1 hour', now() - interval '1 hour')"},
			"pending: 1 due job of kind http in pool default has no live executor that takes it", "TAGEXEC_KINDS", []string{none}},
		{"nobody serves its pool", []string{executor(alive + ", pools = '{other}'"), insertJob + "('t', 'sql', 'default', NULL, 1, now() - interval '1 hour', now() - interval '1 hour')"},
			"pending: 1 due job of kind sql in pool default has no live executor that takes it", "TAGEXEC_POOLS", []string{"UPDATE tagexec.tag_executors SET pools = NULL"}},
		{"those that are there run another batch", []string{none, executor(alive + ", batch = 'theirs'"), insertJob + "('t', 'sql', 'default', 'mine', 1, now() - interval '1 hour', now() - interval '1 hour')"},
			"those that are there run other batches only", "tagexec serve", []string{"UPDATE tagexec.tag_executors SET batch = 'mine'"}},
		{"pool over its limit", []string{none, executor(alive), insertJob + "('t', 'sql', 'default', NULL, 3, now(), now())", running, "UPDATE tagexec.tag_pools SET slots = 2"},
			"pools: pool default has 2 slots, and 1 job uses 3", "made smaller", []string{"UPDATE tagexec.tag_pools SET slots = NULL"}},
		{"a job wider than its pool", []string{none, executor(alive), insertJob + "('t', 'sql', 'default', NULL, 3, now(), now())", "UPDATE tagexec.tag_pools SET slots = 2"},
			"pools: 1 pending job is wider than pool default now is, and never starts: it has 2 slots, the widest needs 3", "SET slots = 3 WHERE pool = 'default'", []string{"UPDATE tagexec.tag_pools SET slots = 3 WHERE pool = 'default'"}},
		{"a source that one executor cannot reach", []string{none, executor(alive + `, unavailable = '[{"kind": "sql", "resource": "source \"dwh\"", "since": "2026-11-22T08:00:00+00:00", "error": "connection refused", "field": "", "pattern": ""}]'`)},
			`unavailable: source "dwh" is unavailable to 1 of the 1 living executors that run kind sql, on host-a, since`, "TAGEXEC_KINDS", []string{"UPDATE tagexec.tag_executors SET unavailable = NULL"}},
		{"jobs of a clock that was ahead", []string{none, insertJob + "('t', 'sql', 'default', NULL, 1, now() + interval '8 h', now() + interval '8 h')"},
			"pending: 1 job was inserted while the server's clock was ahead, and waits for that time, until", "Start an executor", []string{none}},
		{"an executor nobody reaps", []string{none, executor("heartbeat_at = now() - interval '5 min'")},
			"executors: executor 00000000-0000-0000-0000-000000000001 on host-a (process 7) has not been heard of since", "Start an executor", []string{"UPDATE tagexec.tag_executors SET reaped_at = now()"}},
		{"an executor nobody reaps, since the clock was set back", []string{none, executor("heartbeat_at = now() + interval '8 h'")},
			"(process 7) has not been heard of since the server's clock was set back, and nobody has reaped it", "Start an executor", []string{"UPDATE tagexec.tag_executors SET reaped_at = now()"}},
		{"jobs of a reaped executor", []string{insertJob + "('t', 'sql', 'default', NULL, 1, now(), now())", running},
			"executors: 1 job runs under executor 00000000-0000-0000-0000-000000000001, which was reaped", "Start an executor", []string{none}},
		{"past its deadline", []string{executor(alive), insertJob + "('late', 'sql', 'default', NULL, 1, now(), now())", running, "UPDATE tagexec.tag_jobs SET deadline_at = now() - interval '10 min'"},
			"deadlines: 1 running job is far past the deadline; job", "logs of its executor", []string{none}},
		{"a sequence behind its table", []string{insertJob + "('t', 'sql', 'default', NULL, 1, now(), now())", "SELECT setval('tagexec.tag_jobs_id_seq', 1, false)"},
			"sequences: the sequence of tagexec.tag_jobs.id gives 1 next, but the highest id is ", nextJobID, []string{nextJobID, none}},
		{"a sequence at its end", []string{"SELECT setval('tagexec.tag_jobs_id_seq', 9223372036854775807)"},
			"sequences: the sequence of tagexec.tag_jobs.id has 0 numbers left: inserts fail after them", nextJobID, []string{nextJobID}},
		{"a sequence with an end before that of its type", []string{"ALTER SEQUENCE tagexec.tag_operator_actions_id_seq MAXVALUE 5000"},
			"numbers left: inserts fail after them", "ALTER SEQUENCE tagexec.tag_operator_actions_id_seq NO MAXVALUE", []string{"ALTER SEQUENCE tagexec.tag_operator_actions_id_seq NO MAXVALUE"}},
		{"a sequence that counts down", []string{"ALTER SEQUENCE tagexec.tag_jobs_id_seq INCREMENT BY -1"},
			"sequences: the sequence of tagexec.tag_jobs.id counts down", "ALTER SEQUENCE tagexec.tag_jobs_id_seq INCREMENT BY 1; then " + nextJobID, []string{"ALTER SEQUENCE tagexec.tag_jobs_id_seq INCREMENT BY 1", nextJobID}},
		{"a row with the last number of all", []string{"INSERT INTO tagexec.tag_jobs (id, tag, state, finished_at) OVERRIDING SYSTEM VALUE VALUES (9223372036854775807, 't', 'cancelled', now())"},
			"but the highest id is 9223372036854775807", "delete the rows with the highest id, or give them lower ones; then " + nextJobID, []string{none, nextJobID}},
		{"the sequence of the migrations", []string{"SELECT setval('tagexec.goose_db_version_id_seq', 2147483647)"},
			"sequences: the sequence of tagexec.goose_db_version.id has 0 numbers left", "setval('tagexec.goose_db_version_id_seq', (SELECT coalesce(max(id), 1) FROM tagexec.goose_db_version))",
			[]string{"SELECT setval('tagexec.goose_db_version_id_seq', (SELECT coalesce(max(id), 1) FROM tagexec.goose_db_version))"}},
		{"a promise is broken", []string{insertJob + "('t', 'sql', 'default', 'b', 1, now(), now())", "DELETE FROM tagexec.tag_batches"},
			"invariants: a promise is broken (batch_exists)", "report it", []string{none}},
		{"sessions begin read-only", []string{"ALTER ROLE postgres SET default_transaction_read_only = on"},
			"server: sessions of postgres begin read-only", "ALTER ROLE postgres", []string{"SET default_transaction_read_only = off", "ALTER ROLE postgres SET default_transaction_read_only = off"}},
	} {
		s.exec(tt.cause...)
		// What a reload changes reaches the next sessions in a moment.
		storetest.Eventually(t, tt.name, func() bool {
			r := s.diagnose(s.url, maxAge)
			return len(r.findings) == 1 && strings.Contains(r.findings[0], tt.want) && strings.Contains(r.findings[0], tt.remedy) &&
				len(r.unknown) == 0 && r.all[0].Level == doctor.Finding || r.logged(t, tt.name)
		})
		s.exec(tt.mend...)
		storetest.Eventually(t, tt.name+", mended", func() bool {
			r := s.diagnose(s.url, maxAge)
			return len(r.findings) == 0 || r.logged(t, tt.name+", mended")
		})
	}
	well()
}

func TestDiagnoseNamesWhoHoldsBackVacuum(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	if _, err := migrations.Up(t.Context(), s.url); err != nil {
		t.Fatal(err)
	}
	reader := s.dial(s.login("ada", "IN ROLE tagexec_analyst"))
	for _, sql := range []string{"SET application_name = 'long report'", "BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT 1"} {
		if _, err := reader.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	s.exec("BEGIN", "CREATE TABLE public.anything ()", "PREPARE TRANSACTION 'forgotten'")
	s.abandonSlot("gone")
	r := s.diagnose(s.url, 0)
	for _, want := range []string{
		"session %d (user ada, long report, idle in transaction) holds back vacuum of the queue since %s → End it: SELECT pg_terminate_backend(%d)",
		"prepared transaction forgotten (user postgres, prepared) holds back vacuum of the queue since %s → COMMIT PREPARED 'forgotten' or ROLLBACK PREPARED 'forgotten'.",
		"replication slot gone (inactive) holds back vacuum of the queue, for %s transactions → Let its standby catch up",
	} {
		parts := strings.Split(strings.ReplaceAll(want, "%d", fmt.Sprint(reader.PgConn().PID())), "%s")
		if !slices.ContainsFunc(r.findings, func(f string) bool {
			return strings.Contains(f, parts[0]) && strings.Contains(f, strings.TrimSpace(parts[len(parts)-1]))
		}) {
			t.Errorf("%q is not in %q", want, r.findings)
		}
	}
	if len(r.findings) != 3 {
		t.Errorf("found %q", r.findings)
	}
	if r := s.diagnose(s.url, maxAge); len(r.findings) != 1 { // the slot, whose age is not known
		t.Errorf("young snapshots are found: %+v", r.all)
	}
	s.exec(fmt.Sprintf("SELECT pg_terminate_backend(%d)", reader.PgConn().PID()), "ROLLBACK PREPARED 'forgotten'", "SELECT pg_drop_replication_slot('gone')")
	storetest.Eventually(t, "all are gone", func() bool {
		r := s.diagnose(s.url, 0)
		return len(r.findings) == 0 || r.logged(t, "gone")
	})
}

// Times that run backwards are for ever; they hide no promise that is broken.
func TestDiagnoseOfAServerWhoseClockWasSetBack(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	if _, err := migrations.Up(t.Context(), s.url); err != nil {
		t.Fatal(err)
	}
	s.exec(`INSERT INTO tagexec.tag_jobs (tag, state, attempt, executor_id, started_at, finished_at)
	        SELECT 't', 'succeeded', 1, gen_random_uuid(), now(), now() - interval '2 min' FROM generate_series(1, 200)`)
	r := s.diagnose(s.url, maxAge)
	if len(r.findings) != 0 || !strings.Contains(fmt.Sprint(r.all), "the server's clock was set back at some time, which breaks no promise: attempt 1 of job 1") {
		t.Errorf("%+v", r.all)
	}
	s.exec("INSERT INTO tagexec.tag_jobs (tag, batch) VALUES ('t', 'b')", "DELETE FROM tagexec.tag_batches")
	if r := s.diagnose(s.url, maxAge); len(r.findings) != 1 || !strings.HasPrefix(r.findings[0], "invariants: a promise is broken (batch_exists)") {
		t.Errorf("%+v", r.all)
	}
}

func TestDiagnoseSaysWhatALoginMayDoAndMayNotSee(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	if _, err := migrations.Up(t.Context(), s.url); err != nil {
		t.Fatal(err)
	}
	s.exec(insertJob+"('t', 'http', 'default', NULL, 1, now() - interval '1 hour', now() - interval '1 hour')", "UPDATE tagexec.tag_pools SET paused = true")
	const waits = "pending: 1 due job of kind http in pool default has no live executor that takes it"
	for _, tt := range []struct {
		login, group string
		findings     []string
		unknown      []string
		text         string // somewhere in the diagnoses
	}{
		{"oper", "IN ROLE tagexec_operator", []string{waits}, []string{"sequences: not looked at: this login may not", "invariants: not looked at: this login may not"}, "may not claim and record"},
		{"ana", "IN ROLE tagexec_analyst", []string{waits}, []string{"sequences: not looked at: this login may not", "invariants: not looked at: this login may not"}, "may not claim and record"},
		{"exec", "IN ROLE tagexec_executor", []string{waits}, nil, "login exec may claim and record"},
		{"stranger", "", []string{"login: login stranger may not claim and record"}, []string{"schema: ", "roles: ", "vacuum_horizon: ", "sequences: ", "indexes: ", "pending: ", "unwritable: ", "pools: ", "executors: ", "unavailable: ", "deadlines: ", "invariants: "}, "GRANT tagexec_executor TO stranger"},
	} {
		u := s.login(tt.login, tt.group)
		r := s.diagnose(u, maxAge)
		for _, list := range []struct{ got, want []string }{{r.findings, tt.findings}, {r.unknown, tt.unknown}} {
			same := len(list.got) == len(list.want)
			for _, want := range list.want {
				same = same && slices.ContainsFunc(list.got, func(s string) bool { return strings.HasPrefix(s, want) })
			}
			if !same {
				t.Errorf("%s: got %q, want %q", tt.login, list.got, list.want)
			}
		}
		if !strings.Contains(fmt.Sprintf("%+v", r.all), tt.text) {
			t.Errorf("%s: %+v", tt.login, r.all)
		}
	}
	// Half an executor is a mistake.
	s.exec("REVOKE UPDATE (state) ON tagexec.tag_jobs FROM tagexec_executor")
	u := s.login("half", "IN ROLE tagexec_executor")
	if r := s.diagnose(u, maxAge); !strings.Contains(fmt.Sprint(r.findings), "login: login half may not claim and record: it lacks UPDATE of state on tagexec.tag_jobs → SELECT tagexec.grant_roles()") {
		t.Errorf("%+v", r.all)
	}
}
