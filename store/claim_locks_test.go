package store_test

import (
	"testing"

	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// A server with little memory for locks: a claim of thousands of mutex keys leaves
// some to the others.
func TestClaimOfThousandsOfKeysLeavesLocksToOthers(t *testing.T) {
	t.Parallel()
	pg := storetest.OwnServer(t, map[string]string{"max_locks_per_transaction": "10"})
	url := pg.URL("postgres")
	if _, err := migrations.Up(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	conn := storetest.Dial(t, url)
	const jobs = 6000
	if _, err := conn.Exec(t.Context(), `
		INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('limited', 100000);
		INSERT INTO tagexec.tag_jobs (tag, batch, pool, mutex_key)
		SELECT 't', 'b', CASE WHEN i % 2 = 0 THEN 'limited' ELSE 'default' END, 'k' || i FROM generate_series(1, 12000) i`); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(url, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	for _, batch := range []string{"b", ""} {
		session, err := s.Register(t.Context(), store.Executor{Kinds: []string{"sql"}, Workers: jobs, Batch: batch})
		if err != nil {
			t.Fatal(err)
		}
		claimed := 0
		storetest.Eventually(t, "6,000 claims", func() bool {
			answer, err := session.Claim(t.Context(), jobs-claimed)
			if err != nil {
				t.Fatalf("batch %q: after %d jobs: %v", batch, claimed, err)
			}
			claimed += len(answer.Jobs)
			return claimed == jobs
		})
	}
}
