package migrations_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestPoolsInUseAreNeitherDeletedNorRenamed(t *testing.T) {
	t.Parallel()
	const remove, rename = "DELETE FROM tagexec.tag_pools WHERE pool = 'p'", "UPDATE tagexec.tag_pools SET pool = 'q' WHERE pool = 'p'"
	for _, tt := range []struct {
		name    string
		row     storetest.Row
		outcome store.Outcome // "" leaves it pending
		refused bool
	}{
		{"a pending job", storetest.Row{"pool": "p"}, "", true},
		{"a pending job with a mutex key", storetest.Row{"pool": "p", "mutex_key": "k"}, "", true},
		{"a running job", storetest.Row{"pool": "p"}, "running", true},
		{"a finished job", storetest.Row{"pool": "p"}, store.Succeeded, false},
		{"no job", storetest.Row{}, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			db.Exec("INSERT INTO tagexec.tag_pools (pool) VALUES ('p')")
			db.Insert(tt.row)
			if tt.outcome != "" {
				c := db.Claimer(store.Executor{})
				jobs := c.MustClaim(t, 10)
				if tt.outcome != "running" {
					c.End(t, tt.outcome, jobs...)
				}
			}
			db.Exec("UPDATE tagexec.tag_pools SET pool = pool, slots = 7 WHERE pool = 'p'")
			for _, sql := range []string{rename, remove} {
				_, err := db.Pool.Exec(t.Context(), sql)
				if (err != nil) != tt.refused {
					t.Errorf("%s: %v", sql, err)
				}
				if err != nil && (storetest.PgError(t, err).Code != "23001" || storetest.PgError(t, err).Message != `pool "p" still has unfinished jobs`) {
					t.Errorf("%s: %v", sql, err)
				}
			}
		})
	}
}

func TestPoolsKeepTheDefault(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	_, err := db.Pool.Exec(t.Context(), "DELETE FROM tagexec.tag_pools")
	if pg := storetest.PgError(t, err); !strings.Contains(pg.Message, `"default" stays`) {
		t.Error(pg)
	}
}

func TestPoolsAreNotDeletedUnderAnInsertThatNamesThem(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_pools (pool) VALUES ('p')")
	tx, err := db.Conn().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "INSERT INTO tagexec.tag_jobs (tag, pool) VALUES ('t', 'p')"); err != nil {
		t.Fatal(err)
	}
	deleted := make(chan error, 1)
	go func() {
		_, err := db.Pool.Exec(t.Context(), "DELETE FROM tagexec.tag_pools WHERE pool = 'p'")
		deleted <- err
	}()
	storetest.Eventually(t, "the DELETE waits for the INSERT", func() bool { return db.Waiting() == 1 })
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if pg := storetest.PgError(t, <-deleted); pg.Code != "23001" {
		t.Error(pg)
	}
}

func TestPoolsHaveEveryChangeOnRecord(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for _, sql := range []string{
		"INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('p', 4)",
		"UPDATE tagexec.tag_pools SET slots = 2, description = 'd' WHERE pool = 'p'",
		"UPDATE tagexec.tag_pools SET slots = 2 WHERE pool = 'p'", // no change
		"UPDATE tagexec.tag_pools SET paused = true",              // two pools
		"DELETE FROM tagexec.tag_pools WHERE pool = 'p'",
	} {
		db.Exec(sql)
	}
	pool := func(name, slots string, paused bool, description string) string {
		return fmt.Sprintf(`{"pool": "%s", "slots": %s, "paused": %t, "description": "%s"}`, name, slots, paused, description)
	}
	free := "where a job goes that names no pool; without a limit"
	want := []string{
		"create_pool p -> " + pool("p", "4", false, ""),
		"change_pool p " + pool("p", "4", false, "") + " -> " + pool("p", "2", false, "d"),
		"change_pool default " + pool("default", "null", false, free) + " -> " + pool("default", "null", true, free),
		"change_pool p " + pool("p", "2", false, "d") + " -> " + pool("p", "2", true, "d"),
		"delete_pool p " + pool("p", "2", true, "d") + " ->",
	}
	got := actions(db)
	storetest.Check(t, "number of actions", len(got), len(want))
	for i := range min(len(got), len(want)) {
		storetest.Check(t, "action", got[i], want[i])
	}
}
