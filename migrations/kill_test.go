package migrations_test

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"testing"

	"github.com/tagexec/tagexec/store/storetest"
)

// haltSQL makes the server count the commands that change the catalogue and hold
// those from number %d on until the test lets go of an advisory lock. A command that
// was rolled back still counts.
const haltSQL = `
CREATE SEQUENCE public.commands;
CREATE FUNCTION public.halt() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('public.commands') >= %d THEN
        PERFORM pg_advisory_xact_lock(1);
    END IF;
END
$$;
CREATE EVENT TRIGGER halt ON ddl_command_end EXECUTE FUNCTION public.halt()`

const unhaltSQL = `DROP EVENT TRIGGER halt; DROP FUNCTION public.halt; DROP SEQUENCE public.commands`

// A process that is killed leaves nothing that the next one cannot finish. It is
// killed at its first commands, each a transaction or nearly, and at points spread
// over all the others.
func TestUpAfterAKill(t *testing.T) {
	t.Parallel()
	fresh := storetest.Empty(t)
	fresh.Exec(fmt.Sprintf(haltSQL, math.MaxInt32))
	up(t, fresh)
	commands := storetest.One[int](fresh, "SELECT last_value FROM public.commands")
	fresh.Exec(unhaltSQL)
	full, filled := describe(fresh), rows(fresh)

	points := []int{1, 2, 3, 4, 5, 6}
	for i := 1; i <= 10; i++ {
		points = append(points, commands*i/10)
	}
	for _, n := range points {
		t.Run(fmt.Sprintf("at command %d of %d", n, commands), func(t *testing.T) {
			t.Parallel()
			db := storetest.Empty(t)
			db.Exec(fmt.Sprintf(haltSQL, n))
			killAtHalt(t, db)
			if err := db.Store().CheckSchema(t.Context()); err == nil {
				t.Error("an executor would start with what was left")
			}
			up(t, db)
			db.Exec(unhaltSQL)
			if err := db.Store().CheckSchema(t.Context()); err != nil {
				t.Error(err)
			}
			checkSame(t, "the schema", describe(db), full)
			checkSame(t, "the rows", rows(db), filled)
		})
	}
}

// killAtHalt migrates db in a process of its own and kills that when the server
// holds its command.
func killAtHalt(t *testing.T, db *storetest.DB) {
	t.Helper()
	tx, err := db.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "SELECT pg_advisory_xact_lock(1)"); err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), upURL+"="+db.URL)
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	storetest.Eventually(t, "the command is held", func() bool { return db.Waiting() == 1 })
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err == nil {
		t.Error("the process ended by itself")
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
}
