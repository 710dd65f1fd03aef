package migrations_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store/storetest"
)

// An analyst is told who holds back vacuum, but not what others run: the
// statement of a SQL job is its payload.
func TestReportsShowAnAnalystVacuumBlockersWithoutOthersQueries(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	blocker := db.Conn()
	may(t, blocker, "SET application_name = 'long report'")
	may(t, blocker, "BEGIN ISOLATION LEVEL REPEATABLE READ")
	may(t, blocker, "SELECT 'sesame'", "sesame")
	elsewhere := storetest.New(t).Conn()
	may(t, elsewhere, "SET application_name = 'long report'")
	may(t, elsewhere, "BEGIN ISOLATION LEVEL REPEATABLE READ")
	may(t, elsewhere, "SELECT 1")
	db.Exec("CREATE TABLE public.anything ()") // a transaction since

	name, u := db.Login("tagexec_analyst")
	conn := storetest.Dial(t, u)
	const from = "vacuum_blockers WHERE application_name = 'long report'"
	columns := []string{"kind", "username", "state", "age_seconds >= 0", "age_transactions > 0", "query ~ 'sesame'"}
	const seen = "kind=session username=postgres state=idle in transaction age_seconds >= 0=true age_transactions > 0=true query ~ 'sesame'="
	storetest.Check(t, "as an analyst", report(t, conn, from, columns...), seen+"false")
	storetest.Check(t, "as the superuser", report(t, db.Conn(), from, columns...), seen+"true")
	db.Exec("GRANT pg_read_all_stats TO " + name)
	storetest.Check(t, "as an analyst who may read all statistics", report(t, conn, from, columns...), seen+"true")
	may(t, conn, "SELECT count(*)::text FROM tagreport."+from, "1") // not the one in another database
	may(t, conn, "SELECT count(*)::text FROM tagreport.vacuum_blockers WHERE name = pg_backend_pid()::text", "0")

	may(t, blocker, "ROLLBACK")
	may(t, conn, "SELECT count(*)::text FROM tagreport."+from, "0")
}

// An owner who may not see what others do tells what remains: who, and how old in
// transactions. A prepared transaction and a standby's slot hold back vacuum too.
func TestReportsShowVacuumBlockersWhoeverOwnsThem(t *testing.T) {
	t.Parallel()
	pg := storetest.OwnServer(t, map[string]string{"max_prepared_transactions": "1"})
	admin := storetest.Dial(t, pg.URL("postgres"))
	may(t, admin, "CREATE ROLE owner LOGIN PASSWORD 'x'")
	may(t, admin, "CREATE DATABASE queue OWNER owner")
	u := storetest.As(t, pg.URL("queue"), "owner")
	if _, err := migrations.Up(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	super := storetest.Dial(t, pg.URL("queue"))
	may(t, super, "BEGIN")
	may(t, super, "CREATE TABLE public.prepared ()")
	may(t, super, "PREPARE TRANSACTION 'forgotten'")
	may(t, super, "SELECT pg_create_physical_replication_slot('idle')")
	may(t, super, "SELECT pg_create_physical_replication_slot('standby')")
	feedBack(t, pg.URL("postgres"), "standby")
	may(t, super, "BEGIN ISOLATION LEVEL REPEATABLE READ")
	may(t, super, "SELECT 'sesame'", "sesame")

	conn := storetest.Dial(t, u)
	got := func() string {
		var list string
		if err := conn.QueryRow(t.Context(), `SELECT string_agg(concat_ws(' ', kind, CASE kind WHEN 'session' THEN username ELSE name END, coalesce(state, 'hidden'), age_seconds >= 0, age_transactions >= 0, query), ', ' ORDER BY kind)
			FROM tagreport.vacuum_blockers WHERE application_name IS DISTINCT FROM 'standby'`).Scan(&list); err != nil {
			t.Fatal(err)
		}
		return list
	}
	const want = "prepared transaction forgotten prepared t t, replication slot standby active t, session postgres hidden t <insufficient privilege>"
	storetest.Eventually(t, "the standby's feedback", func() bool { return strings.Contains(got(), "standby") })
	storetest.Check(t, "blockers", got(), want)
	may(t, super, "ROLLBACK")
	may(t, super, "ROLLBACK PREPARED 'forgotten'")
}

// feedBack is a standby that reports, once, that its readers need old rows.
func feedBack(t *testing.T, u, slot string) {
	t.Helper()
	config, err := pgconn.ParseConfig(u)
	if err != nil {
		t.Fatal(err)
	}
	config.RuntimeParams["replication"], config.RuntimeParams["application_name"] = "true", "standby"
	conn, err := pgconn.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	results, err := conn.Exec(t.Context(), "IDENTIFY_SYSTEM").ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	conn.Frontend().SendQuery(&pgproto3.Query{String: fmt.Sprintf("START_REPLICATION SLOT %s PHYSICAL %s", slot, results[0].Rows[0][2])})
	feedback := []byte{'h'}
	feedback = binary.BigEndian.AppendUint64(feedback, 0)   // time
	feedback = binary.BigEndian.AppendUint32(feedback, 500) // xmin
	feedback = binary.BigEndian.AppendUint32(feedback, 0)   // its epoch
	feedback = binary.BigEndian.AppendUint64(feedback, 0)   // catalog_xmin, with its own
	conn.Frontend().Send(&pgproto3.CopyData{Data: feedback})
	if err := conn.Frontend().Flush(); err != nil {
		t.Fatal(err)
	}
}
