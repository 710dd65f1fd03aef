package migrations_test

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store/storetest"
)

// A producer that leaves its transaction open keeps nobody waiting without a word.
func TestWhoWaitsForABatchIsToldWhoHasIt(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	name, u := db.Login("tagexec_producer")
	db.Exec("INSERT INTO tagexec.tag_jobs (tag, batch) VALUES ('t', 'b')")
	holder, other := storetest.Dial(t, u), storetest.Dial(t, u)
	may(t, holder, "BEGIN")
	may(t, holder, `SELECT tagexec.submit_jobs('b', '[]')`)
	id := storetest.One[int64](db, "SELECT id FROM tagexec.tag_jobs")
	_, theirs := db.Login("tagexec_operator, tagexec_producer")
	conn := storetest.Dial(t, theirs)
	may(t, conn, "SET lock_timeout = '50ms'")
	message := regexp.MustCompile(fmt.Sprintf(`^batch "b" has been locked for 0.05 s by a transaction that is still open: process %d of %s( \(idle in transaction since .*\))?$`, holder.PgConn().PID(), name))
	for _, call := range []string{`submit_jobs('b', '[]')`, "cancel_batch('b')", "retry_batch('b')", fmt.Sprintf("cancel_job(%d)", id), fmt.Sprintf("retry_job(%d)", id)} {
		_, err := conn.Exec(t.Context(), "SELECT tagexec."+call)
		if pg := storetest.PgError(t, err); pg.Code != "55P03" || !message.MatchString(pg.Message) {
			t.Errorf("%s: %s %s", call, pg.Code, pg.Message)
		}
	}
	may(t, conn, "SELECT current_setting('lock_timeout')", "50ms")

	// Who waits gets it, and what its session had set for other locks still counts.
	may(t, conn, "SET lock_timeout = 0")
	may(t, conn, "BEGIN")
	done := make(chan error)
	go func() {
		_, err := conn.Exec(t.Context(), "SELECT tagexec.cancel_batch('b')")
		done <- err
	}()
	storetest.Eventually(t, "a cancel that waits", func() bool { return db.Waiting() == 1 })
	may(t, other, `SELECT tagexec.submit_jobs('another', '[{"tag": "t"}]')`)
	may(t, holder, "COMMIT")
	if err := <-done; err != nil {
		t.Error(err)
	}
	may(t, conn, "SELECT current_setting('lock_timeout')", "0")
	may(t, conn, "COMMIT")
	storetest.Check(t, "the job", db.State(id), "cancelled")
}

// Nor does one that prepared its transaction and went away.
func TestWhoWaitsForABatchIsToldOfAPreparedTransaction(t *testing.T) {
	t.Parallel()
	pg := storetest.OwnServer(t, map[string]string{"max_prepared_transactions": "1"})
	if _, err := migrations.Up(t.Context(), pg.URL("postgres")); err != nil {
		t.Fatal(err)
	}
	conn := storetest.Dial(t, pg.URL("postgres"))
	may(t, conn, "BEGIN")
	may(t, conn, "SELECT tagexec.cancel_batch('b')")
	may(t, conn, "PREPARE TRANSACTION 'left'")
	may(t, conn, "SET lock_timeout = '50ms'")
	_, err := conn.Exec(t.Context(), "SELECT tagexec.cancel_batch('b')")
	if pg := storetest.PgError(t, err); pg.Code != "55P03" || pg.Message != `batch "b" has been locked for 0.05 s by a transaction that is still open: prepared transaction "left" of postgres` {
		t.Errorf("%s %s", pg.Code, pg.Message)
	}
}
