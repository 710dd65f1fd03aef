package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/doctor"
	"github.com/tagexec/tagexec/store/storetest"
)

// Each makes the rows of jobs with the tag "bad" so that Postgres refuses to
// change them, and returns the database that has them now. mend undoes it.
var spoil = []struct {
	name, sqlstate string
	spoil          func(t *testing.T, db *storetest.DB) *storetest.DB
	mend           string
}{
	{"a CHECK that came later", "23514", func(_ *testing.T, db *storetest.DB) *storetest.DB {
		db.Exec("ALTER TABLE tagexec.tag_jobs ADD CONSTRAINT late CHECK (tag <> 'bad') NOT VALID")
		return db
	}, "ALTER TABLE tagexec.tag_jobs DROP CONSTRAINT late"},
	{"a trigger that came later", "P0001", func(_ *testing.T, db *storetest.DB) *storetest.DB {
		db.Exec(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'tag % is not for sale', NEW.tag; END $$`)
		db.Exec("CREATE TRIGGER refuse BEFORE UPDATE ON tagexec.tag_jobs FOR EACH ROW WHEN (OLD.tag = 'bad') EXECUTE FUNCTION refuse()")
		return db
	}, "DROP TRIGGER refuse ON tagexec.tag_jobs"},
	{"a damaged payload", "XX001", func(t *testing.T, db *storetest.DB) *storetest.DB {
		db.Exec(`UPDATE tagexec.tag_jobs SET payload = jsonb_build_object('x', (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 1000) i)) WHERE tag = 'bad'`)
		return zeroTOAST(t, db)
	}, "UPDATE tagexec.tag_jobs SET payload = '{}' WHERE tag = 'bad'"},
	{"a damaged mutex key", "XX001", func(t *testing.T, db *storetest.DB) *storetest.DB {
		db.Exec("ALTER TABLE tagexec.tag_jobs ALTER COLUMN mutex_key SET STORAGE EXTERNAL")
		// Less than half a kilobyte of payload keeps no key from being stored elsewhere.
		db.Exec(`UPDATE tagexec.tag_jobs SET mutex_key = id || repeat('𠀋', 490), payload = payload || jsonb_build_object('x', repeat('x', 400)) WHERE tag = 'bad'`)
		return zeroTOAST(t, db)
	}, "UPDATE tagexec.tag_jobs SET mutex_key = 'k' || id WHERE tag = 'bad'"},
}

// zeroTOAST returns a copy of the database in which the values are zeros that the
// rows of jobs store elsewhere.
func zeroTOAST(t *testing.T, db *storetest.DB) *storetest.DB {
	t.Helper()
	db = db.Copy()
	path := storetest.One[string](db, `SELECT current_setting('data_directory') || '/' || pg_relation_filepath(reltoastrelid) FROM pg_class WHERE oid = 'tagexec.tag_jobs'::regclass`)
	info, err := os.Stat(filepath.Clean(path))
	if err == nil {
		err = os.WriteFile(path, make([]byte, info.Size()), 0)
	}
	if err != nil || info.Size() == 0 {
		t.Fatalf("zero the TOAST pages: %v", err)
	}
	return db
}

// unwritable are the ids in tag_unwritable_jobs.
func unwritable(db *storetest.DB) []int64 {
	return storetest.All[int64](db, "SELECT job_id FROM tagexec.tag_unwritable_jobs ORDER BY job_id")
}

// claimRest claims all that can run, suspects too, and returns their ids in order
// and the jobs that were isolated.
func claimRest(t *testing.T, c *storetest.Claimer) (claimed []int64, isolated []store.Unwritable) {
	t.Helper()
	for more := true; more; {
		answer, err := c.Claim(t.Context(), 100)
		if err != nil {
			t.Fatal(err)
		}
		claimed, isolated = append(claimed, ids(answer.Jobs)...), append(isolated, answer.Unwritable...)
		more = answer.More
		for answer.Suspects {
			jobs, err := c.ClaimSuspect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			claimed = append(claimed, ids(jobs)...)
			answer.Suspects = len(jobs) > 0
			more = more || answer.Suspects
		}
	}
	slices.Sort(claimed)
	return claimed, isolated
}

// One row that Postgres refuses to change keeps no other job from being claimed,
// wherever it stands. After PostHog's PR 97591.
func TestClaimGoesOnWithoutAJobWhoseRowCannotBeWritten(t *testing.T) {
	t.Parallel()
	for _, cause := range spoil {
		for _, tt := range []struct {
			name string
			set  string // of all jobs
			as   store.Executor
		}{
			{"in a lane", "priority = 7", store.Executor{}},
			{"with a mutex key", "mutex_key = 'k' || id", store.Executor{}},
			{"in a limited pool", "pool = 'limited'", store.Executor{}},
			{"with a mutex key in a limited pool", "pool = 'limited', mutex_key = 'k' || id", store.Executor{}},
			{"in a batch", "batch = 'b'", store.Executor{Batch: "b"}},
			{"in a batch and a limited pool", "pool = 'limited'", store.Executor{Batch: "b"}},
			{"among suspects", "crashes = 2", store.Executor{}},
			{"while a source is away", "priority = 7", store.Executor{}},
			{"while a source is away, in a batch", "batch = 'b'", store.Executor{Batch: "b"}},
			{"while a source is away, with a mutex key in a limited pool", "pool = 'limited', mutex_key = 'k' || id", store.Executor{}},
		} {
			// Then claims read payloads when they look for jobs.
			claimer := func(db *storetest.DB) *storetest.Claimer {
				c := db.Claimer(tt.as)
				if strings.HasPrefix(tt.name, "while a source is away") {
					c.Avoid([]store.Unavailable{{Kind: "sql", Resource: store.Resource{Name: "away", Field: "source", Texts: []string{"away"}}, Since: time.Now()}})
				}
				return c
			}
			t.Run(cause.name+" "+tt.name, func(t *testing.T) {
				t.Parallel()
				db := storetest.New(t)
				db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('limited', 50)")
				rows := make([]storetest.Row, 12)
				for i := range rows {
					rows[i] = storetest.Row{"batch": "b"}
				}
				rows[3]["tag"], rows[4]["tag"] = "bad", "bad"
				all := db.Insert(rows...)
				db.Exec("UPDATE tagexec.tag_jobs SET " + tt.set)
				db = cause.spoil(t, db)
				bad, rest := all[3:5], slices.Concat(all[:3], all[5:])

				c := claimer(db)
				claimed, isolated := claimRest(t, c)
				storetest.Check(t, "claimed", claimed, rest)
				storetest.Check(t, "in the table", unwritable(db), bad)
				if len(isolated) != 2 || isolated[0].ID != bad[0] || isolated[0].SQLState != cause.sqlstate || isolated[0].Reason == "" {
					if tt.set != "crashes = 2" { // there the next claim tells
						t.Errorf("isolated %+v", isolated)
					}
				}
				claimed, isolated = claimRest(t, claimer(db))
				if len(claimed) > 0 || len(isolated) > 0 {
					t.Errorf("another executor claimed %v and isolated %v", claimed, isolated)
				}
				want := "pending, and Postgres refuses to change its row, since "
				if got := storetest.One[string](db, "SELECT tagexec.explain_job($1)", bad[0]); !strings.HasPrefix(got, want) || !strings.Contains(got, "["+cause.sqlstate+"]") {
					t.Errorf("explain_job says %q", got)
				}
				checkFinding(t, db, cause.sqlstate, bad)

				db.Exec("UPDATE tagexec.tag_unwritable_jobs SET tried_at = now() - interval '2 min'")
				if claimed, _ := claimRest(t, claimer(db)); len(claimed) > 0 || len(unwritable(db)) != 2 {
					t.Errorf("claimed %v without a reason", claimed)
				}
				db.Exec(cause.mend)
				db.Exec("UPDATE tagexec.tag_unwritable_jobs SET tried_at = now() - interval '2 min'")
				claimed, _ = claimRest(t, claimer(db))
				storetest.Check(t, "claimed after they were mended", claimed, bad)
				storetest.Check(t, "left in the table", unwritable(db), "[]")
			})
		}
	}
}

// checkFinding fails the test unless doctor names the jobs.
func checkFinding(t *testing.T, db *storetest.DB, sqlstate string, bad []int64) {
	t.Helper()
	list, err := doctor.Diagnose(t.Context(), db.URL, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range list {
		if d.Level == doctor.Unknown {
			t.Errorf("doctor cannot look: %+v", d)
		}
		if d.Check == "unwritable" {
			for _, id := range bad {
				if d.Level != doctor.Finding || !strings.Contains(d.Detail, sqlstate) || !strings.Contains(d.Detail, strconv.FormatInt(id, 10)) {
					t.Errorf("doctor says %+v", d)
				}
			}
		}
	}
}

// A row that breaks when its job already runs keeps no other result from being
// stored, and no other job of a dead executor from being offered again.
func TestRecordAndReapGoOnWithoutAJobWhoseRowCannotBeWritten(t *testing.T) {
	t.Parallel()
	for _, cause := range spoil {
		t.Run(cause.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			rows := make([]storetest.Row, 12)
			rows[3], rows[8] = storetest.Row{"tag": "bad"}, storetest.Row{"tag": "bad"}
			all := db.Insert(rows...)
			s := db.Store()
			first := db.ClaimerOn(s, store.Executor{})
			jobs := first.MustClaim(t, 12)
			s.Close()
			db = cause.spoil(t, db)
			bad := []int64{all[3], all[8]}

			results := make([]store.Result, 6)
			for i := range results {
				results[i] = store.Result{Claim: jobs[i].Claim, Outcome: store.Succeeded, Value: []byte(`{"n": 1}`)}
			}
			want := []store.Fate{store.Applied, store.Applied, store.Applied, store.Unwritten, store.Applied, store.Applied}
			fates, err := db.Store().Record(t.Context(), results)
			if err != nil {
				t.Fatal(err)
			}
			storetest.Check(t, "fates", fates, want)
			storetest.Check(t, "in the table after the record", unwritable(db), bad[:1])

			db.Expire(first.ID)
			reaped := db.Reap()
			storetest.Check(t, "reaped", []int{len(reaped.Executors), reaped.Jobs, len(reaped.Unwritable)}, []int{1, 5, 1})
			storetest.Check(t, "in the table after the reap", unwritable(db), bad)
			if got := storetest.One[string](db, "SELECT tagexec.explain_job($1)", bad[1]); !strings.HasPrefix(got, "running, and Postgres refuses to change its row, since ") {
				t.Errorf("explain_job says %q", got)
			}

			db.Exec(cause.mend)
			db.Exec("UPDATE tagexec.tag_unwritable_jobs SET tried_at = now() - interval '2 min'")
			storetest.Check(t, "the fate after it was mended", db.Claimer(store.Executor{}).MustRecord(t, results[3]), []store.Fate{store.Applied})
			db.Claimer(store.Executor{}).MustClaim(t, 1)
			storetest.Check(t, "left in the table", unwritable(db), "[]")
			storetest.Check(t, "reaped after it was mended", db.Reap().Jobs, 1)
		})
	}
}

// Nor from being given up or moved back with the clock.
func TestGiveUpAndMoveBackGoOnWithoutAJobWhoseRowCannotBeWritten(t *testing.T) {
	t.Parallel()
	for _, cause := range spoil {
		t.Run(cause.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			rows := make([]storetest.Row, 6)
			for i := range rows {
				rows[i] = storetest.Row{"payload": `{"source": "away"}`, "timeout_seconds": 60}
			}
			rows[1]["tag"], rows[4]["tag"] = "bad", "bad"
			all := db.Insert(rows...)
			db.Exec("UPDATE tagexec.tag_jobs SET created_at = now() - interval '1 h', run_at = now() - interval '1 h'")
			db.Exec("UPDATE tagexec.tag_jobs SET created_at = now() + interval '8 h', run_at = now() + interval '8 h' WHERE id > $1", all[2])
			db = cause.spoil(t, db)

			s := db.Store()
			for range 2 {
				if _, err := s.Reap(t.Context(), 0); err != nil {
					t.Fatal(err)
				}
			}
			store.ServerClockWasAhead(s, 8*time.Hour)
			if _, err := s.Reap(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
			storetest.Check(t, "moved back", storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_jobs WHERE id > $1 AND run_at <= now()", all[2]), 2)
			storetest.Check(t, "in the table", unwritable(db), []int64{all[4]})

			c := db.Claimer(store.Executor{})
			c.Avoid([]store.Unavailable{{Kind: "sql", Resource: store.Resource{Name: "away", Field: "source", Texts: []string{"away"}}, Since: time.Now().Add(-time.Hour)}})
			gaveUp := 0
			for range 3 {
				n, err := c.GiveUp(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				gaveUp += n
			}
			storetest.Check(t, "given up", gaveUp, 2)
			storetest.Check(t, "in the table after that", unwritable(db), []int64{all[1], all[4]})
		})
	}
}

// Nor does it keep the rest of its batch from being cancelled or retried.
func TestBatchFunctionsGoOnWithoutAJobWhoseRowCannotBeWritten(t *testing.T) {
	t.Parallel()
	for _, cause := range spoil {
		t.Run(cause.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			for i, tag := range []string{"t", "bad", "t", "t", "bad", "t", "bad"} {
				db.Insert(storetest.Row{"batch": []string{"cancelled", "retried", "alone"}[i/3], "tag": tag})
			}
			db.Exec("UPDATE tagexec.tag_jobs SET state = 'cancelled', finished_at = now() WHERE batch <> 'cancelled'")
			db = cause.spoil(t, db)
			bad := storetest.All[int64](db, "SELECT id FROM tagexec.tag_jobs WHERE tag = 'bad' ORDER BY id")
			for i, call := range []string{"cancel_batch('cancelled')", "retry_batch('retried')"} {
				n, warnings := warned(t, db, "SELECT tagexec."+call)
				storetest.Check(t, call, n, "2")
				if want := fmt.Sprintf("the rows of jobs %d, so", bad[i]); !strings.Contains(warnings, want) {
					t.Errorf("%s warned %q, want %q in it", call, warnings, want)
				}
			}
			storetest.Check(t, "in the table", len(unwritable(db)), 2)
			for i, call := range []string{fmt.Sprintf("cancel_job(%d)", bad[0]), fmt.Sprintf("retry_job(%d)", bad[1]), "retry_batch('alone')"} {
				_, err := db.Pool.Exec(t.Context(), "SELECT tagexec."+call)
				pg := storetest.PgError(t, err)
				if want := fmt.Sprintf("the row of job %d: ", bad[i]); pg.Code != cause.sqlstate || !strings.Contains(pg.Message, want) || pg.Detail != "" {
					t.Errorf("%s: %v, detail %q; want %q in it, and nothing of the row", call, err, pg.Detail, want)
				}
			}
			db.Exec(cause.mend)
			storetest.Check(t, "cancelled after it was mended", storetest.One[int](db, "SELECT tagexec.cancel_batch('cancelled')"), 1)
			storetest.Check(t, "retried after it was mended", storetest.One[int](db, "SELECT tagexec.retry_batch('retried')"), 1)
		})
	}
}

// Nor from being cancelled when the batch is over. The executor that did it is told.
func TestExpireGoesOnWithoutAJobWhoseRowCannotBeWritten(t *testing.T) {
	t.Parallel()
	for _, cause := range spoil {
		t.Run(cause.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			bad := db.Insert(storetest.Row{"batch": "b"}, storetest.Row{"batch": "b", "tag": "bad"}, storetest.Row{"batch": "b"})[1]
			db.Exec("UPDATE tagexec.tag_batches SET expires_at = now()")
			db = cause.spoil(t, db)
			expired, err := db.Store().ExpireBatches(t.Context())
			if err != nil || expired.Batches != 1 || len(expired.Unwritable) != 1 || expired.Unwritable[0].ID != bad || expired.Unwritable[0].SQLState != cause.sqlstate {
				t.Errorf("expired %+v, %v; want one batch, without job %d for %s", expired, err, bad, cause.sqlstate)
			}
			storetest.Check(t, "cancelled", storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_jobs WHERE state = 'cancelled'"), 2)
			if expired, err = db.Store().ExpireBatches(t.Context()); err != nil || expired.Batches != 0 || len(expired.Unwritable) != 0 {
				t.Errorf("expired again: %+v, %v", expired, err)
			}
		})
	}
}

// warned returns the text of the only value that a query returns, and what it warned of.
func warned(t *testing.T, db *storetest.DB, query string) (value, warnings string) {
	t.Helper()
	config, err := pgx.ParseConfig(db.URL)
	if err != nil {
		t.Fatal(err)
	}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { warnings += n.Message + "\n" }
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if err = conn.QueryRow(t.Context(), "SELECT ("+query+")::text").Scan(&value); err == nil {
		err = conn.Close(t.Context())
	}
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return value, warnings
}

// Nor the rest of a submission from being submitted again.
func TestSubmitGoesOnWithoutAJobWhoseRowCannotBeWritten(t *testing.T) {
	t.Parallel()
	for _, cause := range spoil[1:] { // what breaks a CHECK is refused as a new row too
		t.Run(cause.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			for _, tag := range []string{"a", "bad", "c"} {
				db.Insert(storetest.Row{"batch": "b", "tag": tag, "dedupe_key": "key of " + tag})
			}
			db.Exec("UPDATE tagexec.tag_jobs SET state = 'failed', finished_at = now(), error_code = 'x'")
			db = cause.spoil(t, db)
			bad := storetest.One[int64](db, "SELECT id FROM tagexec.tag_jobs WHERE tag = 'bad'")
			const call = `SELECT tagexec.submit_jobs('b', '[{"tag": "a", "dedupe_key": "key of a"}, {"tag": "bad", "dedupe_key": "key of bad", "payload": {"n": 1}},
				{"tag": "c", "dedupe_key": "key of c"}, {"tag": "new"}]')`
			for _, requeued := range []int{2, 0} {
				submission, warnings := warned(t, db, call)
				if want := fmt.Sprintf(`"requeued": %d}`, requeued); !strings.HasSuffix(submission, want) {
					t.Errorf("submitted %s, want %s", submission, want)
				}
				if want := fmt.Sprintf(`the rows of jobs %d (dedupe_key "key of bad"), so`, bad); !strings.Contains(warnings, want) {
					t.Errorf("warned %q, want %q in it", warnings, want)
				}
			}
			storetest.Check(t, "in the table", unwritable(db), []int64{bad})
			storetest.Check(t, "pending", storetest.All[string](db, "SELECT tag FROM tagexec.tag_jobs WHERE state = 'pending' ORDER BY id"), "[a c new]")
		})
	}
}
