package migrations_test

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// submitUntil submits jobs of a batch that is over at a time, "" for never.
func submitUntil(t *testing.T, s *store.Store, batch, expiresAt string, jobs ...object) store.Submission {
	t.Helper()
	context := object{}
	if expiresAt != "" {
		context["expires_at"] = expiresAt
	}
	submission, err := s.Submit(t.Context(), batch, storetest.JSON(append([]object{}, jobs...)), storetest.JSON(context), "retry_failed")
	if err != nil {
		t.Fatal(err)
	}
	return submission
}

func expire(t *testing.T, s *store.Store) int {
	t.Helper()
	expired, err := s.ExpireBatches(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return expired.Batches
}

const past, future = "2026-01-01T00:00:00Z", "2200-01-01T00:00:00Z"

func TestExpireBatchesCancelsWhatIsLeftOnRecord(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s, c := db.Store(), db.Claimer(store.Executor{})
	submitUntil(t, s, "over", past, object{"tag": "done", "priority": 9}, object{"tag": "running", "priority": 8}, object{"tag": "pending", "priority": 0})
	jobs := c.MustClaim(t, 2)
	c.End(t, store.Succeeded, jobs[0])
	submitUntil(t, s, "later", future, object{"tag": "a", "priority": 0})
	submitUntil(t, s, "never", "", object{"tag": "b", "priority": 0})
	submitUntil(t, s, "empty", past)
	explain := func(tag string) string {
		return storetest.One[string](db, "SELECT tagexec.explain_job(id) FROM tagexec.tag_jobs WHERE tag = $1", tag)
	}
	if got := explain("pending"); !strings.HasPrefix(got, "its batch was over at 2026-01-01 00:00:00+00: a live executor cancels it") {
		t.Errorf("explained as %q", got)
	}

	storetest.Check(t, "expired", expire(t, s), 2)
	storetest.Check(t, "expired again", expire(t, s), 0)
	storetest.Check(t, "jobs", storetest.All[string](db, "SELECT concat_ws(' ', tag, state, error, cancel_requested_at IS NOT NULL) FROM tagexec.tag_jobs ORDER BY id"),
		"[done succeeded f running running t pending cancelled expired at 2026-01-01 00:00:00+00 f a pending f b pending f]")
	storetest.Check(t, "actions", storetest.All[string](db, "SELECT concat_ws(' ', action, batch, reason, by, before, after) FROM tagexec.tag_operator_actions"),
		`[expire_batch over expired at 2026-01-01 00:00:00+00 postgres {"pending": 1, "running": 1} {"cancelled": 1, "asked_to_stop": 1}]`)
	storetest.Check(t, "batches", storetest.All[string](db, "SELECT concat_ws(' ', batch, expires_at::date, cancel_reason) FROM tagreport.batches ORDER BY batch"),
		"[empty 2026-01-01 later 2200-01-01 never over 2026-01-01 expired at 2026-01-01 00:00:00+00]")
	if got := explain("pending"); !strings.HasSuffix(got, "[cancelled] expired at 2026-01-01 00:00:00+00") {
		t.Errorf("explained as %q", got)
	}
	c.End(t, store.Cancelled, jobs[1])
}

func TestExpireBatchesLeavesWhatIsSubmittedOrRetriedAfterwards(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, again string
		expires     string // afterwards
	}{
		{"submitted again without an expiry", `SELECT tagexec.submit_jobs('b', '[{"tag": "t"}]')`, "never"},
		{"submitted again with a later one", `SELECT tagexec.submit_jobs('b', '[{"tag": "t"}]', '{"expires_at": "` + future + `"}')`, "2200-01-01"},
		{"retried", "SELECT tagexec.retry_batch('b')", "never"},
		{"one job retried", "SELECT tagexec.retry_job(id) FROM tagexec.tag_jobs", "never"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			s := db.Store()
			submitUntil(t, s, "b", past, object{"tag": "t"})
			storetest.Check(t, "expired", expire(t, s), 1)
			db.Exec(tt.again)
			storetest.Check(t, "expired again", expire(t, s), 0)
			storetest.Check(t, "the batch", storetest.One[string](db, "SELECT concat_ws(' ', j.state, coalesce(b.expires_at::date::text, 'never')) FROM tagexec.tag_jobs j JOIN tagexec.tag_batches b USING (batch)"),
				"pending "+tt.expires)
		})
	}
	t.Run("retried before it is over", func(t *testing.T) {
		t.Parallel()
		db := storetest.New(t)
		s := db.Store()
		submitUntil(t, s, "b", future, object{"tag": "t"})
		db.Exec("SELECT tagexec.cancel_batch('b')")
		db.Exec("SELECT tagexec.retry_batch('b')")
		storetest.Check(t, "the expiry", storetest.One[string](db, "SELECT expires_at::date::text FROM tagexec.tag_batches"), "2200-01-01")
	})
}

// Executors expire batches all the time, while schedulers submit them again.
func TestExpireBatchesByTwoWhileTheyAreSubmittedAgain(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	const batches, jobs = 10, 30
	list := make([]object, jobs)
	for i := range list {
		list[i] = object{"tag": fmt.Sprint(i)}
	}
	stores := []*store.Store{db.Store(), db.Store(), db.Store()}
	var executors, schedulers errgroup.Group
	stop := make(chan struct{})
	for _, s := range stores[:2] {
		executors.Go(func() error {
			for {
				if _, err := s.ExpireBatches(t.Context()); err != nil {
					return err
				}
				select {
				case <-stop:
					return nil
				default:
				}
			}
		})
	}
	for b := range batches {
		schedulers.Go(func() error {
			for try := range 5 {
				context := object{"try_number": try, "expires_at": past}
				if try == 4 {
					context["expires_at"] = future
				}
				if _, err := stores[2].Submit(t.Context(), fmt.Sprint(b), storetest.JSON(list), storetest.JSON(context), "retry_failed"); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := schedulers.Wait(); err != nil {
		t.Error(err)
	}
	close(stop)
	if err := executors.Wait(); err != nil {
		t.Error(err)
	}
	// The last submission stands: nothing of it is cancelled.
	storetest.Check(t, "jobs", storetest.All[string](db, "SELECT state || ' ' || count(*) FROM tagexec.tag_jobs GROUP BY state"), fmt.Sprintf("[pending %d]", batches*jobs))
	// Each cancel is on record, and so is each submission that took it back.
	sums := storetest.One[string](db, `SELECT concat_ws(' ', sum((after ->> 'cancelled')::int), sum((after ->> 'requeued')::int)) FROM tagexec.tag_operator_actions`)
	if cancelled, requeued, _ := strings.Cut(sums, " "); cancelled != requeued {
		t.Errorf("%s jobs were cancelled and %s made pending again", cancelled, requeued)
	}
}

// What cannot be cancelled keeps no other batch from being over, and a large one
// goes in parts.
func TestExpireBatchesPassesOverWhatItCannotChange(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := db.Store()
	submitUntil(t, s, "held", past, object{"tag": "held"})
	submitUntil(t, s, "locked", past, object{"tag": "locked"})
	submitUntil(t, s, "large", "2026-01-02T00:00:00Z")
	db.Exec("INSERT INTO tagexec.tag_jobs (tag, batch) SELECT 't', 'large' FROM generate_series(1, 5001)")
	for _, sql := range []string{"SELECT FROM tagexec.tag_jobs WHERE tag = 'held' FOR UPDATE", "SELECT tagexec.cancel_batch('locked')"} {
		conn := db.Conn()
		for _, one := range []string{"BEGIN", sql} {
			if _, err := conn.Exec(t.Context(), one); err != nil {
				t.Fatal(err)
			}
		}
	}
	storetest.Check(t, "expired", expire(t, s), 2)
	storetest.Check(t, "jobs", storetest.All[string](db, "SELECT concat_ws(' ', batch, state, count(*)) FROM tagexec.tag_jobs GROUP BY batch, state ORDER BY 1"),
		"[held pending 1 large cancelled 5001 locked pending 1]")
	storetest.Check(t, "parts", storetest.All[string](db, "SELECT after ->> 'cancelled' FROM tagexec.tag_operator_actions ORDER BY id"), "[5000 1]")
}
