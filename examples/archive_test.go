package examples_test

import (
	"strings"
	"testing"

	"github.com/tagexec/tagexec/store/storetest"
)

func TestTheArchiveKeepsWhatIsPruned(t *testing.T) {
	t.Parallel()
	db := newHistory(t)
	db.Exec("SET timezone = 'UTC'")
	if _, err := db.Conn().PgConn().Exec(t.Context(), read(t, "archive/archive.sql")).ReadAll(); err != nil {
		t.Fatal(err)
	}
	const archiveAll = `SELECT coalesce(sum(tagarchive.archive_day(d)), 0)::bigint
		FROM (SELECT DISTINCT (finished_at AT TIME ZONE 'UTC')::date AS d FROM tagreport.attempts) days
		WHERE d < (now() AT TIME ZONE 'UTC')::date`
	past := storetest.One[int64](db, `SELECT count(*) FROM tagreport.attempts WHERE finished_at < date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'`)
	if n := storetest.One[int64](db, archiveAll); n != past || n == 0 {
		t.Fatalf("%d attempts were archived, want %d", n, past)
	}
	if n := storetest.One[int64](db, archiveAll); n != 0 {
		t.Errorf("repeating it archived %d more", n)
	}
	differ := storetest.One[int64](db, `SELECT count(*) FROM (SELECT * FROM tagarchive.attempts EXCEPT SELECT * FROM tagreport.attempts) d`)
	if differ != 0 {
		t.Errorf("%d attempts differ from what the history says", differ)
	}
	if _, err := db.Store().Prune(t.Context(), 0, 0); err != nil {
		t.Fatal(err)
	}
	storetest.One[int64](db, archiveAll) // of what is gone nothing is taken back
	if n := storetest.One[int64](db, "SELECT count(*) FROM tagarchive.attempts"); n != past {
		t.Errorf("after prune the archive has %d attempts, want %d", n, past)
	}

	storetest.One[int64](db, "SELECT tagarchive.archive_day(current_date - 90)") // makes one more partition
	conn := analyst(t, db)
	plan := query(t.Context(), t, conn, "EXPLAIN SELECT tag, count(*) FROM tagarchive.attempts WHERE finished_at >= now() - interval '2 days' GROUP BY tag")
	partitions := storetest.One[int](db, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'tagarchive.attempts'::regclass")
	read := 0
	for _, row := range plan.rows {
		if strings.Contains(row["QUERY PLAN"].(string), " on attempts_") {
			read++
		}
	}
	if partitions < 2 || read >= partitions {
		t.Errorf("of %d partitions %d are read for the last two days:\n%v", partitions, read, plan.rows)
	}
	if _, err := conn.Exec(t.Context(), "SELECT tagarchive.archive_day(current_date)"); err == nil || !strings.Contains(err.Error(), "is not over") {
		t.Errorf("archiving today: %v", err)
	}
}
