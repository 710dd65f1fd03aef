package store_test

import (
	"strings"
	"testing"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestAUsedPoolIsNeitherDeletedNorRenamed(t *testing.T) {
	t.Parallel()
	const remove, rename = "DELETE FROM tagexec.tag_pools WHERE pool = 'p'", "UPDATE tagexec.tag_pools SET pool = 'q' WHERE pool = 'p'"
	for _, tt := range []struct {
		name    string
		row     storetest.Row
		outcome string // "" leaves it pending
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
				c := newClaimer(db, store.QueueConfig{})
				jobs := c.claim(t, 10)
				if tt.outcome != "running" {
					c.end(t, tt.outcome, jobs...)
				}
			}
			db.Exec("UPDATE tagexec.tag_pools SET pool = pool, slots = 7 WHERE pool = 'p'")
			for _, sql := range []string{rename, remove} {
				_, err := db.Pool.Exec(t.Context(), sql)
				if (err != nil) != tt.refused {
					t.Errorf("%s: %v", sql, err)
				}
				if err != nil && (pgError(t, err).Code != "23001" || pgError(t, err).Message != `pool "p" still has unfinished jobs`) {
					t.Errorf("%s: %v", sql, err)
				}
			}
		})
	}
}

func TestTheDefaultPoolStays(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	_, err := db.Pool.Exec(t.Context(), "DELETE FROM tagexec.tag_pools")
	if pg := pgError(t, err); !strings.Contains(pg.Message, `"default" stays`) {
		t.Error(pg)
	}
}

func TestAPoolIsNotDeletedUnderAnInsertThatNamesIt(t *testing.T) {
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
	if pg := pgError(t, <-deleted); pg.Code != "23001" {
		t.Error(pg)
	}
}
