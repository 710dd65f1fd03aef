package store_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/doctor"
	"github.com/tagexec/tagexec/store/storetest"
)

// damagePage returns a copy of the database in which a page of jobs is garbage.
func damagePage(t *testing.T, db *storetest.DB, page int64) *storetest.DB {
	t.Helper()
	db = db.Copy()
	path := storetest.One[string](db, `SELECT current_setting('data_directory') || '/' || pg_relation_filepath('tagexec.tag_jobs')`)
	f, err := os.OpenFile(path, os.O_WRONLY, 0) //nolint:gosec // the test's own server says where
	if err == nil {
		_, err = f.WriteAt([]byte(strings.Repeat("garbage ", 1024)), page*8192)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatalf("damage page %d: %v", page, err)
	}
	t.Cleanup(func() { // the invariants are read at the end
		if _, err := db.Pool.Exec(context.Background(), "TRUNCATE tagexec.tag_jobs"); err != nil {
			t.Error(err)
		}
	})
	return db
}

// Of a page that cannot be read no row can be told from another, but by the index
// of the ids. Its rows are named, and all others run.
func TestClaimGoesOnAroundADamagedPage(t *testing.T) {
	t.Parallel()
	const newest = -1
	for _, tt := range []struct {
		name, columns, values string // of all jobs
		as                    store.Executor
		page                  int64
	}{
		{"in a lane", "priority", "7", store.Executor{}, 1},
		{"of the oldest jobs", "priority", "7", store.Executor{}, 0},
		{"of the newest jobs", "priority", "7", store.Executor{}, newest},
		{"with a mutex key", "mutex_key", "'k' || i", store.Executor{}, 1},
		{"in a limited pool", "pool", "'limited'", store.Executor{}, 1},
		{"with a mutex key in a limited pool", "pool, mutex_key", "'limited', 'k' || i", store.Executor{}, 1},
		{"in a batch", "batch", "'b'", store.Executor{Batch: "b"}, 1},
		{"in a batch and a limited pool", "batch, pool", "'b', 'limited'", store.Executor{Batch: "b"}, 1},
		{"among suspects", "crashes", "2", store.Executor{}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('limited', 500)")
			db.Exec("INSERT INTO tagexec.tag_jobs (tag, " + tt.columns + ") SELECT 't', " + tt.values + " FROM generate_series(1, 200) i")
			const page = "(ctid::text::point)[0]::bigint"
			// Postgres writes to the last page what finds no room: there nothing lives, and it is sound.
			db.Exec("DELETE FROM tagexec.tag_jobs WHERE " + page + " = (SELECT max(" + page + ") FROM tagexec.tag_jobs)")
			if tt.page == newest {
				tt.page = storetest.One[int64](db, "SELECT max("+page+") FROM tagexec.tag_jobs")
			}
			onPage := fmt.Sprintf("%s = %d", page, tt.page)
			bad := storetest.All[int64](db, "SELECT id FROM tagexec.tag_jobs WHERE "+onPage+" ORDER BY id")
			rest := storetest.All[int64](db, "SELECT id FROM tagexec.tag_jobs WHERE NOT "+onPage+" ORDER BY id")
			if len(bad) == 0 || len(rest) == 0 {
				t.Fatalf("%d jobs are on the page, %d are not", len(bad), len(rest))
			}
			db = damagePage(t, db, tt.page)

			invalid := fmt.Sprintf("invalid page in block %d", tt.page)
			claimed, isolated := claimRest(t, db.Claimer(tt.as))
			storetest.Check(t, "claimed", claimed, rest)
			storetest.Check(t, "in the table", unwritable(db), bad)
			if len(isolated) != len(bad) || isolated[0].SQLState != "XX001" || !strings.Contains(isolated[0].Reason, invalid) {
				if tt.columns != "crashes" { // there the next claim tells
					t.Errorf("isolated %+v", isolated)
				}
			}
			claimed, isolated = claimRest(t, db.Claimer(tt.as))
			if len(claimed) > 0 || len(isolated) > 0 {
				t.Errorf("another executor claimed %v and isolated %v", claimed, isolated)
			}
			if got := storetest.One[string](db, "SELECT tagexec.explain_job($1)", bad[0]); !strings.HasPrefix(got, "Postgres cannot read its row, since ") {
				t.Errorf("explain_job says %q", got)
			}
			for _, call := range []string{"cancel_job", "retry_job"} {
				_, err := db.Pool.Exec(t.Context(), "SELECT tagexec."+call+"($1)", bad[0])
				if want := fmt.Sprintf("the row of job %d: %s", bad[0], invalid); !strings.Contains(storetest.PgError(t, err).Message, want) {
					t.Errorf("%s: %v, want %q in it", call, err, want)
				}
			}
			storetest.Check(t, "states in the report", storetest.All[string](db, "SELECT DISTINCT state FROM tagreport.unwritable_jobs"), "[unreadable]")
			list, err := doctor.Diagnose(t.Context(), db.URL, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(list, func(d doctor.Diagnosis) bool { return d.Check == "unwritable" })
			if d := list[i]; d.Level != doctor.Finding || !strings.Contains(d.Detail, invalid) || !strings.Contains(d.Remedy, "page") {
				t.Errorf("doctor says %+v", d)
			}
		})
	}
}

// A damaged payload is found wherever it stands among the jobs that a claim reads.
func TestClaimFindsADamagedPayloadBehindThousands(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_jobs (tag, payload, priority) SELECT 't', '{\"source\": \"away\"}', 9 FROM generate_series(1, 12000)")
	db.Exec("INSERT INTO tagexec.tag_jobs (tag, payload) VALUES ('bad', '{}')")
	good := db.Insert(storetest.Row{}, storetest.Row{})
	db.Exec("INSERT INTO tagexec.tag_jobs (tag, payload, priority) SELECT 't', '{\"source\": \"away\"}', 9 FROM generate_series(1, 12000)")
	db.Exec(`UPDATE tagexec.tag_jobs SET payload = jsonb_build_object('x', (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 1000) i)) WHERE tag = 'bad'`)
	db = zeroTOAST(t, db)
	c := db.Claimer(store.Executor{})
	c.Avoid([]store.Unavailable{{Kind: "sql", Resource: store.Resource{Name: "away", Field: "source", Texts: []string{"away"}}, Since: time.Now()}})
	claimed, isolated := claimRest(t, c)
	storetest.Check(t, "claimed", claimed, good)
	storetest.Check(t, "isolated", len(isolated), 1)
	storetest.Check(t, "in the table", unwritable(db), []int64{good[0] - 1})
}

// A search that fails hides neither why nor what it was for.
func TestClaimTellsWhyItCouldNotFindTheJobThatFailedIt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, away string // the function that is missing
		spoil      func(*testing.T, *storetest.DB) *storetest.DB
		was        string
	}{
		{"a damaged page", "isolate_unreadable_jobs", func(t *testing.T, db *storetest.DB) *storetest.DB { return damagePage(t, db, 0) }, "invalid page in block 0"},
		{"a CHECK that came later", "isolate_jobs", spoil[0].spoil, "late"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			db.Insert(storetest.Row{"tag": "bad"})
			db.Exec("ALTER FUNCTION tagexec." + tt.away + " RENAME TO away")
			answer, err := tt.spoil(t, db).Claimer(store.Executor{}).Claim(t.Context(), 10)
			if err == nil || len(answer.Jobs) > 0 {
				t.Fatalf("claimed %v, %v", answer.Jobs, err)
			}
			for _, want := range []string{tt.was, "find the job", tt.away} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not tell of %q: %v", want, err)
				}
			}
		})
	}
}

// What a sentence about a job needs may be what is damaged. batch_settled asks for
// one of any of its jobs, and must not fail for it.
func TestExplainSaysThatAJobCannotBeRead(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("ALTER TABLE tagexec.tag_jobs ALTER COLUMN error SET STORAGE EXTERNAL")
	id := db.Insert(storetest.Row{})[0]
	db.Exec("UPDATE tagexec.tag_jobs SET state = 'failed', finished_at = now(), error = repeat('x', 4000)")
	db = zeroTOAST(t, db)
	got := storetest.One[string](db, "SELECT tagexec.explain_job($1)", id)
	if want := "failed, but Postgres cannot read its row, or that of a job it waits for: [XX001] "; !strings.HasPrefix(got, want) {
		t.Errorf("explain_job says %q, want %q…", got, want)
	}
}
