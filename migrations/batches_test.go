package migrations_test

import (
	"fmt"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/tagexec/tagexec/store/storetest"
)

func TestInsertCreatesTheRowsOfNewBatches(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_jobs (tag, batch) VALUES ('t', 'b'), ('t', 'a'), ('t', NULL), ('t', 'b')")
	db.Exec("INSERT INTO tagexec.tag_jobs (tag, batch) VALUES ('t', 'b'), ('t', 'c')")
	got := storetest.All[string](db, "SELECT batch || ' ' || submit_count FROM tagexec.tag_batches ORDER BY batch")
	if fmt.Sprint(got) != "[a 0 b 0 c 0]" {
		t.Errorf("batches %q", got)
	}
}

func TestInsertOfTheSameNewBatchesDoesNotDeadlock(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	var g errgroup.Group
	for _, order := range []string{"ASC", "DESC"} {
		for range 3 {
			g.Go(func() error {
				for round := range 30 {
					_, err := db.Pool.Exec(t.Context(), `INSERT INTO tagexec.tag_jobs (tag, batch)
						SELECT 't', $1 || '-' || i FROM generate_series(1, 50) i ORDER BY i `+order, fmt.Sprint(round))
					if err != nil {
						return err
					}
				}
				return nil
			})
		}
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

func TestBatchFunctionsReturnWhatJSONCanHold(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for _, tt := range []struct{ call, want string }{
		{`submit_jobs('b', '[{"tag": "t"}]')`, `{"batch": "b", "existing": 0, "inserted": 1, "requeued": 0}`},
		{"batch_settled('b')", "false"},
		{"cancel_batch('b')", "1"},
		{"cancel_batch('b')", "0"},
		{"cancel_batch('x')", "0"},
		{"submit_jobs('e', '[]')", `{"batch": "e", "existing": 0, "inserted": 0, "requeued": 0}`},
		{"assert_batch_ok('e')", `"0 of 0 jobs succeeded"`},
	} {
		if got := storetest.One[string](db, fmt.Sprintf("SELECT to_jsonb(tagexec.%s)::text", tt.call)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.call, got, tt.want)
		}
	}
}
