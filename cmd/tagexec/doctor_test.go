package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/devpg"
)

// ward is a server of its own, as whole as one can be: the one of other tests
// has no autovacuum, and roles belong to all of them.
type ward struct {
	*testing.T
	server *devpg.Server
	url    string
	conn   *pgx.Conn
}

func newWard(t *testing.T) *ward {
	t.Helper()
	server, err := devpg.Start(t.Context(), devpg.Options{Fast: true, Settings: map[string]string{
		"autovacuum_naptime": "1d", "max_prepared_transactions": "5", "wal_level": "replica", "max_wal_senders": "2", "jit": "off",
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	w := &ward{T: t, server: server, url: server.URL("postgres")}
	w.conn = w.dial(w.url)
	return w
}

func (w *ward) dial(u string) *pgx.Conn {
	w.Helper()
	conn, err := pgx.Connect(w.Context(), u)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// exec runs statements, each by itself.
func (w *ward) exec(statements ...string) {
	w.Helper()
	for _, sql := range statements {
		if _, err := w.conn.Exec(w.Context(), sql); err != nil {
			w.Fatalf("%s: %v", sql, err)
		}
	}
}

// login returns the URL for a new login in a group role.
func (w *ward) login(name, group string) string {
	w.Helper()
	w.exec(fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD 'x' %s", name, group))
	u, err := url.Parse(w.url)
	if err != nil {
		w.Fatal(err)
	}
	u.User = url.UserPassword(name, "x")
	return u.String()
}

// doctor runs the command and returns what it said.
func (w *ward) doctor(u string, args ...string) (exit int, said []store.Diagnosis) {
	w.Helper()
	p := launch(w, append([]string{"doctor", "--output", "json"}, args...), "TAGEXEC_DATABASE_URL="+u)
	exit = p.exit()
	if err := json.Unmarshal([]byte(p.out.String()), &said); err != nil {
		w.Fatalf("exit code %d: %v\n%s", exit, err, p.errOut.String())
	}
	return exit, said
}

// of returns what was said at a level.
func of(said []store.Diagnosis, level string) (list []string) {
	for _, d := range said {
		if d.Level == level {
			list = append(list, fmt.Sprintf("%s: %s → %s", d.Check, d.Detail, d.Remedy))
		}
	}
	return list
}

const doctorJob = `INSERT INTO tagexec.tag_jobs (tag, kind, pool, batch, slots, run_at, created_at) VALUES `

func TestDoctorNamesWhatIsWrongUntilItIsMended(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	if exit, said := w.doctor(w.url); exit != 1 || len(of(said, store.LevelFinding)) != 1 || !strings.Contains(of(said, store.LevelFinding)[0], "no tagexec schema") {
		t.Errorf("without a schema: exit code %d, %+v", exit, said)
	}
	if _, err := migrations.Up(t.Context(), w.url); err != nil {
		t.Fatal(err)
	}
	well := func() {
		t.Helper()
		if exit, said := w.doctor(w.url); exit != 0 || len(of(said, store.LevelFinding))+len(of(said, store.LevelUnknown)) != 0 {
			t.Fatalf("all is well, but exit code %d, %+v", exit, said)
		}
	}
	well()
	executor := func(set string) string {
		return `INSERT INTO tagexec.tag_executors (id, hostname, pid, version, workers, kinds, lease_seconds)
		        VALUES ('00000000-0000-0000-0000-000000000001', 'host-a', 7, 'v', 4, '{sql}', 30);
		        UPDATE tagexec.tag_executors SET ` + set
	}
	const (
		none    = "TRUNCATE tagexec.tag_jobs, tagexec.tag_executors, tagexec.tag_batches"
		running = `UPDATE tagexec.tag_jobs SET state = 'running', attempt = 1, executor_id = '00000000-0000-0000-0000-000000000001', started_at = now() - interval '1 hour', deadline_at = now() + interval '1 hour'`
		alive   = "heartbeat_at = now() + interval '1 hour'"
	)
	for _, tt := range []struct {
		name         string
		cause        []string
		want, remedy string // parts of the finding
		mend         []string
	}{
		{"schema too new", []string{"INSERT INTO tagexec.schema_versions VALUES (99, 99)"},
			"schema: the schema has version 99 and needs a tagexec that knows version 99", "newer tagexec", []string{"DELETE FROM tagexec.schema_versions WHERE version = 99"}},
		{"schema too old", []string{"CREATE TABLE kept AS SELECT * FROM tagexec.schema_versions", "DELETE FROM tagexec.schema_versions WHERE version > 6"},
			"schema: the schema has version 6, this tagexec needs at least 7", "tagexec migrate up", []string{"INSERT INTO tagexec.schema_versions SELECT * FROM kept WHERE version > 6"}},
		{"schema without what came last", []string{"DELETE FROM tagexec.schema_versions WHERE version > 8"},
			"schema: the schema has version 8, this tagexec brings", "tagexec migrate up", []string{"INSERT INTO tagexec.schema_versions SELECT * FROM kept WHERE version > 8"}},
		{"role missing", []string{"DROP OWNED BY tagexec_analyst", "DROP ROLE tagexec_analyst"},
			"roles: there is no role tagexec_analyst", "CREATE ROLE tagexec_analyst NOLOGIN", []string{"CREATE ROLE tagexec_analyst NOLOGIN", "SELECT tagexec.grant_roles()"}},
		{"table grant missing", []string{"REVOKE INSERT ON tagexec.tag_job_attempts FROM tagexec_executor"},
			"roles: role tagexec_executor lacks INSERT on tag_job_attempts", "grant_roles()", []string{"SELECT tagexec.grant_roles()"}},
		{"function grant missing", []string{"REVOKE EXECUTE ON FUNCTION tagexec.explain_job FROM tagexec_operator"},
			"roles: role tagexec_operator lacks EXECUTE on explain_job", "grant_roles()", []string{"SELECT tagexec.grant_roles()"}},
		{"column grant missing", []string{"REVOKE INSERT (payload) ON tagexec.tag_jobs FROM tagexec_producer"},
			"roles: role tagexec_producer lacks INSERT of payload on tag_jobs", "grant_roles()", []string{"SELECT tagexec.grant_roles()"}},
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
		{"dead rows", []string{"INSERT INTO tagexec.tag_job_attempts SELECT i, gen_random_uuid(), now(), now(), now(), NULL, 0, 1, NULL, '', 'succeeded' FROM generate_series(1, 60000) i", "DELETE FROM tagexec.tag_job_attempts", "SELECT pg_stat_force_next_flush()"},
			"autovacuum: tagexec.tag_job_attempts has 60000 dead rows beside 0 living ones; the last vacuum was never", "VACUUM tagexec.tag_job_attempts", []string{"VACUUM tagexec.tag_job_attempts"}},
		{"nobody runs its kind", []string{executor(alive), doctorJob + "('t', 'http', 'default', NULL, 1, now() - interval '1 hour', now() - interval '1 hour')"},
			"pending: 1 due jobs of kind http in pool default have no live executor", "TAGEXEC_KINDS", []string{none}},
		{"nobody serves its pool", []string{executor(alive + ", pools = '{other}'"), doctorJob + "('t', 'sql', 'default', NULL, 1, now() - interval '1 hour', now() - interval '1 hour')"},
			"pending: 1 due jobs of kind sql in pool default have no live executor", "TAGEXEC_POOLS", []string{"UPDATE tagexec.tag_executors SET pools = NULL"}},
		{"those that are there run another batch", []string{none, executor(alive + ", batch = 'theirs'"), doctorJob + "('t', 'sql', 'default', 'mine', 1, now() - interval '1 hour', now() - interval '1 hour')"},
			"those that are there run other batches only", "tagexec serve", []string{"UPDATE tagexec.tag_executors SET batch = 'mine'"}},
		{"pool over its limit", []string{none, executor(alive), doctorJob + "('t', 'sql', 'default', NULL, 3, now(), now())", running, "UPDATE tagexec.tag_pools SET slots = 2"},
			"pools: pool default has 2 slots, and 1 jobs use 3", "made smaller", []string{"UPDATE tagexec.tag_pools SET slots = NULL"}},
		{"a job wider than its pool", []string{none, executor(alive), doctorJob + "('t', 'sql', 'default', NULL, 3, now(), now())", "UPDATE tagexec.tag_pools SET slots = 2"},
			"pools: 1 pending jobs are wider than pool default now is, and never start: it has 2 slots, the widest needs 3", "SET slots = 3 WHERE pool = 'default'", []string{"UPDATE tagexec.tag_pools SET slots = 3 WHERE pool = 'default'"}},
		{"an executor nobody reaps", []string{none, executor("heartbeat_at = now() - interval '5 min'")},
			"executors: executor 00000000-0000-0000-0000-000000000001 on host-a (process 7) has not been heard of since", "Start an executor", []string{"UPDATE tagexec.tag_executors SET reaped_at = now()"}},
		{"jobs of a reaped executor", []string{doctorJob + "('t', 'sql', 'default', NULL, 1, now(), now())", running},
			"executors: 1 jobs run under executor 00000000-0000-0000-0000-000000000001, which was reaped", "Start an executor", []string{none}},
		{"past its deadline", []string{executor(alive), doctorJob + "('late', 'sql', 'default', NULL, 1, now(), now())", running, "UPDATE tagexec.tag_jobs SET deadline_at = now() - interval '10 min'"},
			"deadlines: 1 running jobs are far past their deadline; job", "logs of its executor", []string{none}},
		{"a promise is broken", []string{doctorJob + "('t', 'sql', 'default', 'b', 1, now(), now())", "DELETE FROM tagexec.tag_batches"},
			"invariants: a promise is broken (batch_exists)", "report it", []string{none}},
		{"sessions begin read-only", []string{"ALTER ROLE postgres SET default_transaction_read_only = on"},
			"server: sessions of postgres begin read-only", "ALTER ROLE postgres", []string{"SET default_transaction_read_only = off", "ALTER ROLE postgres SET default_transaction_read_only = off"}},
	} {
		w.exec(tt.cause...)
		// What a reload changes reaches the next sessions in a moment.
		eventually(t, tt.name, func() bool {
			exit, said := w.doctor(w.url)
			found := of(said, store.LevelFinding)
			return exit == 1 && len(found) == 1 && strings.Contains(found[0], tt.want) && strings.Contains(found[0], tt.remedy) && len(of(said, store.LevelUnknown)) == 0 ||
				logged(t, tt.name, exit, said)
		})
		w.exec(tt.mend...)
		eventually(t, tt.name+", mended", func() bool {
			exit, said := w.doctor(w.url)
			return exit == 0 || logged(t, tt.name+", mended", exit, said)
		})
	}
	well()
}

func logged(t *testing.T, what string, exit int, said []store.Diagnosis) bool {
	t.Logf("%s: exit code %d\nfound %s\nunknown %s", what, exit, strings.Join(of(said, store.LevelFinding), "\n"), strings.Join(of(said, store.LevelUnknown), "\n"))
	return false
}

func TestDoctorNamesWhoHoldsBackVacuum(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	if _, err := migrations.Up(t.Context(), w.url); err != nil {
		t.Fatal(err)
	}
	reader := w.dial(w.login("ada", "IN ROLE tagexec_analyst"))
	for _, sql := range []string{"SET application_name = 'long report'", "BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT 1"} {
		if _, err := reader.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	w.exec("BEGIN", "CREATE TABLE public.anything ()", "PREPARE TRANSACTION 'forgotten'")
	w.abandonSlot("gone")
	exit, said := w.doctor(w.url, "--snapshots-older-than", "0s")
	found := of(said, store.LevelFinding)
	for _, want := range []string{
		"session %d (user ada, long report, idle in transaction) holds back vacuum of the queue since %s → End it: SELECT pg_terminate_backend(%d)",
		"prepared transaction forgotten (user postgres, prepared) holds back vacuum of the queue since %s → COMMIT PREPARED 'forgotten' or ROLLBACK PREPARED 'forgotten'.",
		"replication slot gone (inactive) holds back vacuum of the queue, for %s transactions → Let its standby catch up",
	} {
		parts := strings.Split(strings.ReplaceAll(want, "%d", fmt.Sprint(reader.PgConn().PID())), "%s")
		if !slices.ContainsFunc(found, func(f string) bool {
			return strings.Contains(f, parts[0]) && strings.Contains(f, strings.TrimSpace(parts[len(parts)-1]))
		}) {
			t.Errorf("%q is not in %q", want, found)
		}
	}
	if exit != 1 || len(found) != 3 {
		t.Errorf("exit code %d, found %q", exit, found)
	}
	if _, said := w.doctor(w.url); len(of(said, store.LevelFinding)) != 1 { // the slot: how old it is nobody knows
		t.Errorf("young snapshots are found: %+v", said)
	}
	w.exec(fmt.Sprintf("SELECT pg_terminate_backend(%d)", reader.PgConn().PID()), "ROLLBACK PREPARED 'forgotten'", "SELECT pg_drop_replication_slot('gone')")
	eventually(t, "all are gone", func() bool {
		exit, said := w.doctor(w.url, "--snapshots-older-than", "0s")
		return exit == 0 || logged(t, "gone", exit, said)
	})
}

// abandonSlot leaves a replication slot as a standby does that fed back its
// oldest snapshot and went away.
func (w *ward) abandonSlot(name string) {
	w.Helper()
	ctx := w.Context()
	var start string
	var xmin uint32
	if err := w.conn.QueryRow(ctx, "SELECT (SELECT lsn::text FROM pg_create_physical_replication_slot($1, true)), txid_current()::text::xid", name).Scan(&start, &xmin); err != nil {
		w.Fatal(err)
	}
	config, err := pgconn.ParseConfig(w.url)
	if err != nil {
		w.Fatal(err)
	}
	config.RuntimeParams["replication"] = "true"
	standby, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		w.Fatal(err)
	}
	defer standby.Close(context.Background())
	send := func(m pgproto3.FrontendMessage) {
		w.Helper()
		standby.Frontend().Send(m)
		if err := standby.Frontend().Flush(); err != nil {
			w.Fatal(err)
		}
	}
	send(&pgproto3.Query{String: fmt.Sprintf("START_REPLICATION SLOT %s PHYSICAL %s", name, start)})
	for {
		m, err := standby.ReceiveMessage(ctx)
		if err != nil {
			w.Fatal(err)
		}
		if _, begun := m.(*pgproto3.CopyBothResponse); begun {
			break
		}
	}
	feedback := append(make([]byte, 9), byte(xmin>>24), byte(xmin>>16), byte(xmin>>8), byte(xmin))
	feedback[0] = 'h'
	send(&pgproto3.CopyData{Data: append(feedback, make([]byte, 12)...)})
	state := func(want string) {
		w.Helper()
		eventually(w, "slot "+want, func() bool {
			var is bool
			if err := w.conn.QueryRow(ctx, "SELECT "+want+" FROM pg_replication_slots").Scan(&is); err != nil {
				w.Fatal(err)
			}
			return is
		})
	}
	state("xmin IS NOT NULL")
	_ = standby.Close(ctx)
	state("NOT active")
}

func TestDoctorSaysWhatALoginMayDoAndMayNotSee(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	if _, err := migrations.Up(t.Context(), w.url); err != nil {
		t.Fatal(err)
	}
	w.exec(doctorJob+"('t', 'http', 'default', NULL, 1, now() - interval '1 hour', now() - interval '1 hour')", "UPDATE tagexec.tag_pools SET paused = true")
	const waits = "pending: 1 due jobs of kind http in pool default have no live executor"
	for _, tt := range []struct {
		login, group string
		findings     []string
		unknown      []string
		said         string
	}{
		{"oper", "IN ROLE tagexec_operator", []string{waits}, []string{"invariants: not looked at: this login may not"}, "may not claim and record"},
		{"ana", "IN ROLE tagexec_analyst", []string{waits}, []string{"invariants: not looked at: this login may not", "schema: not looked at: this login may not"}, "may not claim and record"},
		{"exec", "IN ROLE tagexec_executor", []string{waits}, []string{"vacuum_horizon: not looked at: this login may not"}, "login exec may claim and record"},
		{"stranger", "", []string{"login: login stranger may not claim and record"}, []string{"schema: ", "vacuum_horizon: ", "pending: ", "pools: ", "executors: ", "deadlines: ", "invariants: "}, "GRANT tagexec_executor TO stranger"},
	} {
		u := w.login(tt.login, tt.group)
		exit, said := w.doctor(u)
		all := fmt.Sprintf("%+v", said)
		for _, list := range []struct{ got, want []string }{{of(said, store.LevelFinding), tt.findings}, {of(said, store.LevelUnknown), tt.unknown}} {
			same := len(list.got) == len(list.want)
			for _, want := range list.want {
				same = same && slices.ContainsFunc(list.got, func(s string) bool { return strings.HasPrefix(s, want) })
			}
			if !same {
				t.Errorf("%s: got %q, want %q", tt.login, list.got, list.want)
			}
		}
		if exit != 1 || !strings.Contains(all, tt.said) {
			t.Errorf("%s: exit code %d, %s", tt.login, exit, all)
		}
	}
	// Half an executor is a mistake.
	w.exec("REVOKE UPDATE (state) ON tagexec.tag_jobs FROM tagexec_executor")
	u := w.login("half", "IN ROLE tagexec_executor")
	if _, said := w.doctor(u); !strings.Contains(fmt.Sprint(of(said, store.LevelFinding)), "login: login half may not claim and record: it lacks UPDATE of state on tag_jobs → SELECT tagexec.grant_roles()") {
		t.Errorf("%+v", said)
	}
	// A table for people, the findings first.
	p := launch(t, []string{"doctor"}, "TAGEXEC_DATABASE_URL="+w.url)
	if code := p.exit(); code != 1 {
		t.Errorf("exit code %d", code)
	}
	lines := strings.Split(p.out.String(), "\n")
	if len(lines) < 5 || !strings.Contains(lines[3], "finding") || !strings.Contains(p.out.String(), "pool default is paused, and 1 due jobs wait in it") {
		t.Error(p.out.String())
	}
}

func TestDoctorOfAServerThatIsNotThereEndsWith3(t *testing.T) {
	t.Parallel()
	p := launch(t, []string{"doctor"}, "TAGEXEC_DATABASE_URL=postgres://u:secret@127.0.0.1:1/q")
	if code := p.exit(); code != exitUnreachable || !strings.Contains(p.errOut.String(), "connect") || strings.Contains(p.errOut.String(), "secret") {
		t.Errorf("exit code %d, %s", code, p.errOut.String())
	}
}
