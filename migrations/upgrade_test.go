package migrations_test

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// heavySQL is a version that changes the tables of executors and producers, in an order
// in which none of them takes its locks.
const heavySQL = `
-- +goose Up
ALTER TABLE tagexec.tag_pools ADD COLUMN heavy_note text;
ALTER TABLE tagexec.tag_past_attempts ADD COLUMN heavy_note text;
ALTER TABLE tagexec.tag_executors ADD COLUMN heavy_note text;
ALTER TABLE tagexec.tag_jobs ADD COLUMN heavy_note text;
ALTER TABLE tagexec.tag_batches ADD COLUMN heavy_note text;
INSERT INTO tagexec.schema_versions (version, min_compatible) VALUES (%[1]d, %[2]d);

-- +goose Down
DELETE FROM tagexec.schema_versions WHERE version = %[1]d;
ALTER TABLE tagexec.tag_batches DROP COLUMN heavy_note;
ALTER TABLE tagexec.tag_jobs DROP COLUMN heavy_note;
ALTER TABLE tagexec.tag_executors DROP COLUMN heavy_note;
ALTER TABLE tagexec.tag_past_attempts DROP COLUMN heavy_note;
ALTER TABLE tagexec.tag_pools DROP COLUMN heavy_note;
`

// indexSQL is the version after that: an index of a large table, in a file that can be
// repeated from any point.
const indexSQL = `
-- +goose NO TRANSACTION
-- +goose Up
DROP INDEX CONCURRENTLY IF EXISTS tagexec.tag_jobs_by_tag;
CREATE INDEX CONCURRENTLY tag_jobs_by_tag ON tagexec.tag_jobs (tag, id);
COMMENT ON INDEX tagexec.tag_jobs_by_tag IS 'Jobs of a tag.';
INSERT INTO tagexec.schema_versions (version, min_compatible) VALUES (%[1]d, %[2]d) ON CONFLICT DO NOTHING;

-- +goose Down
DELETE FROM tagexec.schema_versions WHERE version = %[1]d;
DROP INDEX CONCURRENTLY IF EXISTS tagexec.tag_jobs_by_tag;
`

// twoVersions returns the SQL of a binary that is two versions newer than this one, and
// has changed code.
func twoVersions(t *testing.T) fstest.MapFS {
	t.Helper()
	all, version := copied(t), newest(t)
	all[fmt.Sprintf("%05d_heavy.sql", version+1)] = &fstest.MapFile{Data: fmt.Appendf(nil, heavySQL, version+1, version)}
	all[fmt.Sprintf("%05d_index.sql", version+2)] = &fstest.MapFile{Data: fmt.Appendf(nil, indexSQL, version+2, version)}
	change(t, all, "44_explain_job.sql", "is paused", "was paused")
	return all
}

// failures fails the test for what executors log as a warning or an error.
type failures struct {
	slog.Handler
	t *testing.T
}

func (f failures) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }
func (f failures) WithAttrs([]slog.Attr) slog.Handler               { return f }
func (f failures) WithGroup(string) slog.Handler                    { return f }
func (f failures) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool { text += " " + a.String(); return true })
	f.t.Errorf("an executor logged: %s", text)
	return nil
}

// Executors and producers work at full speed while their schema is updated and taken
// back: nobody gets an error, no job is lost, and the migration comes to its end.
func TestUpAndDownUnderLoad(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('p', 20)")
	serving, stop := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	for range cap(ended) {
		pool, err := executor.New(db.Store(), executor.Config{
			Runners: executor.Runners{"sql": executor.RunnerFunc(func(context.Context, *store.Job) (executor.Report, error) { return executor.Report{}, nil })},
			Workers: 8, Log: slog.New(failures{t: t}),
		})
		if err != nil {
			t.Fatal(err)
		}
		go func() { ended <- pool.Run(serving) }()
	}
	const jobs = 5000
	produced := make(chan error, 1)
	go func() {
		for i := range jobs / 10 {
			_, err := db.Pool.Exec(t.Context(), `INSERT INTO tagexec.tag_jobs (tag, batch, pool, mutex_key)
				SELECT 't', 'b' || $1::int % 7, CASE WHEN i % 3 = 0 THEN 'p' ELSE 'default' END, CASE WHEN i % 2 = 0 THEN 'k' || ($1 + i) END FROM generate_series(1, 10) i`, i)
			if err != nil {
				produced <- err
				return
			}
		}
		produced <- nil
	}()
	storetest.Eventually(t, "jobs run", func() bool {
		return storetest.One[bool](db, "SELECT EXISTS (SELECT FROM tagexec.tag_jobs WHERE state = 'succeeded')")
	})
	next := twoVersions(t)
	if applied := upFrom(t, db, next); len(applied) != 3 {
		t.Errorf("applied %q", applied)
	}
	if valid := storetest.One[bool](db, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'tagexec.tag_jobs_by_tag'::regclass"); !valid {
		t.Error("the index is not valid")
	}
	for range 2 {
		if _, err := migrations.DownFrom(t.Context(), next, db.URL, false); err != nil {
			t.Error(err)
		}
	}
	up(t, db)
	if err := <-produced; err != nil {
		t.Error(err)
	}
	storetest.Eventually(t, "all jobs succeeded", func() bool {
		return storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_jobs WHERE state = 'succeeded'") == jobs
	})
	stop()
	for range cap(ended) {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// An analyst's query that lasts keeps a migration waiting, and nobody behind it. An
// interrupted build of an index is done again.
func TestUpWaitsForAReaderAndKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	_, u := db.Login("tagexec_analyst")
	reader := storetest.Dial(t, u)
	may(t, reader, "BEGIN")
	may(t, reader, "SELECT count(*)::text FROM tagreport.jobs", "0")
	producer := db.Conn()
	if _, err := producer.Exec(t.Context(), "SET lock_timeout = '4s'"); err != nil {
		t.Fatal(err)
	}
	told, done := make(chan string, 100), make(chan error, 1)
	go func() {
		_, err := migrations.UpFrom(t.Context(), twoVersions(t), db.URL, func(notice string) { told <- notice })
		done <- err
	}()
	if notice := <-told; !strings.Contains(notice, "In the way: ") || !strings.Contains(notice, "tagreport.jobs") {
		t.Errorf("told %q", notice)
	}
	for range 300 { // while it tries again
		if _, err := producer.Exec(t.Context(), "INSERT INTO tagexec.tag_jobs (tag) SELECT 't' FROM pg_sleep(0.01)"); err != nil {
			t.Fatal(err)
		}
	}
	if len(done) > 0 {
		t.Error("it did not wait: ", <-done)
	}
	may(t, reader, "COMMIT")
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestUpBuildsAnIndexAgainThatWasInterrupted(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	broken := twoVersions(t)
	for path, file := range broken {
		if strings.HasSuffix(path, "_index.sql") {
			file.Data = []byte(strings.Replace(string(file.Data), "CREATE INDEX CONCURRENTLY", "CREATE UNIQUE INDEX CONCURRENTLY", 1))
			file.Data = []byte(strings.Replace(string(file.Data), "(tag, id)", "(tag)", 1))
		}
	}
	db.Insert(storetest.Row{}, storetest.Row{})
	if _, err := migrations.UpFrom(t.Context(), broken, db.URL); err == nil {
		t.Fatal("built a unique index of what is not unique")
	}
	valid := func() bool {
		return storetest.One[bool](db, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'tagexec.tag_jobs_by_tag'::regclass")
	}
	if valid() {
		t.Fatal("nothing was left of the interrupted build")
	}
	upFrom(t, db, twoVersions(t))
	if !valid() {
		t.Error("the index is not valid")
	}
}

// Executors look at the schema when they start. Those that live and cannot know a
// version that asks for newer ones are named.
func TestUpNamesTheExecutorsThatMustStop(t *testing.T) {
	t.Parallel()
	for _, compatible := range []bool{true, false} {
		db := storetest.New(t)
		db.Executor()
		all, version, oldest := copied(t), newest(t)+1, newest(t)
		if !compatible {
			oldest = version
		}
		all[fmt.Sprintf("%05d_more.sql", version)] = &fstest.MapFile{Data: fmt.Appendf(nil,
			"-- +goose Up\nINSERT INTO tagexec.schema_versions (version, min_compatible) VALUES (%[1]d, %[2]d);\n-- +goose Down\nDELETE FROM tagexec.schema_versions WHERE version = %[1]d;\n", version, oldest)}
		var told []string
		if _, err := migrations.UpFrom(t.Context(), all, db.URL, func(notice string) { told = append(told, notice) }); err != nil {
			t.Fatal(err)
		}
		want := "[this version needs executors that know it: stop these before new ones begin: test (process 1, version test)]"
		if compatible {
			want = "[]"
		}
		storetest.Check(t, fmt.Sprint("told, compatible ", compatible), told, want)
	}
}

// The code of this binary knows the tables that its tests build, and no other version's.
// To accept an older schema, a test must build that and run every verb and plan on it.
func TestTheOldestSchemaAcceptedIsTheOneTested(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	tested := storetest.One[int](db, "SELECT max(version) FROM tagexec.schema_versions WHERE code_hash IS NOT NULL")
	if store.MinSchemaVersion != tested {
		t.Errorf("executors accept version %d, and only %d is tested", store.MinSchemaVersion, tested)
	}
	if got := storetest.One[int](db, "SELECT max(min_compatible) FROM tagexec.schema_versions"); got > store.SchemaVersion {
		t.Errorf("the schema needs executors of version %d, these know %d", got, store.SchemaVersion)
	}
}

// A file that does not follow the rules for numbered files would be found out under load only.
func TestNumberedFilesBuildIndexesOfLargeTablesConcurrently(t *testing.T) {
	t.Parallel()
	names, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names[1:] { // the first makes the tables
		text, err := fs.ReadFile(migrations.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, statement := range strings.Split(string(text), ";") {
			large := strings.Contains(statement, " ON tagexec.tag_jobs ") || strings.Contains(statement, " ON tagexec.tag_past_attempts ")
			if large && strings.Contains(statement, "INDEX") && strings.Contains(statement, "CREATE ") && !strings.Contains(statement, "CONCURRENTLY") {
				t.Errorf("%s:%s", name, statement)
			}
		}
	}
}

// oneIndex returns the SQL of a binary that is one version newer, which builds an index.
func oneIndex(t *testing.T) fstest.MapFS {
	t.Helper()
	all, version := copied(t), newest(t)+1
	all[fmt.Sprintf("%05d_index.sql", version)] = &fstest.MapFile{Data: fmt.Appendf(nil, indexSQL, version, version-1)}
	return all
}

// An index that is built concurrently waits for every transaction that is older, and
// any step for one that was prepared, which holds its locks without a session. Up says
// so, and nobody waits for it. It waits whatever patience its login has.
func TestUpSaysForWhomItWaits(t *testing.T) {
	t.Parallel()
	pg := storetest.OwnServer(t, map[string]string{"max_prepared_transactions": "1"})
	url := pg.URL("postgres")
	if _, err := migrations.Up(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	const (
		snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class"
		prepared = "BEGIN; INSERT INTO tagexec.tag_jobs (tag) VALUES ('t'); PREPARE TRANSACTION 'left behind'"
	)
	conn := storetest.Dial(t, url)
	may(t, conn, `
CREATE ROLE impatient SUPERUSER LOGIN PASSWORD 'x';
ALTER ROLE impatient SET lock_timeout = '1s';
DO $$
BEGIN
    IF current_setting('transaction_timeout', true) IS NOT NULL THEN -- since Postgres 17
        ALTER ROLE impatient SET transaction_timeout = '1s';
    END IF;
END
$$`)
	for _, tt := range []struct {
		name             string
		next             fstest.MapFS
		begin, told, end string
	}{
		{"an index, an old snapshot", oneIndex(t), snapshot, "(process ", "COMMIT"},
		{"an index, a prepared transaction", oneIndex(t), prepared, "the prepared transaction 'left behind' of ", "COMMIT PREPARED 'left behind'"},
		{"tables, a prepared transaction", twoVersions(t), prepared, "the prepared transaction 'left behind' of ", "ROLLBACK PREPARED 'left behind'"},
	} {
		may(t, conn, tt.begin)
		told, done := make(chan string, 100), make(chan error, 1)
		go func() {
			_, err := migrations.UpFrom(t.Context(), tt.next, storetest.As(t, url, "impatient"), func(notice string) {
				if strings.Contains(notice, "In the way: ") {
					told <- notice
				}
			})
			done <- err
		}()
		select {
		case notice := <-told:
			if !strings.Contains(notice, tt.told) {
				t.Errorf("%s: told %q", tt.name, notice)
			}
		case err := <-done:
			t.Fatalf("%s: it did not wait: %v", tt.name, err)
		}
		may(t, storetest.Dial(t, url), "INSERT INTO tagexec.tag_jobs (tag) VALUES ('t')")
		may(t, conn, tt.end)
		if err := <-done; err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		for range len(tt.next) - len(copied(t)) {
			if _, err := migrations.DownFrom(t.Context(), tt.next, url, false); err != nil {
				t.Fatal(err)
			}
		}
	}
}
