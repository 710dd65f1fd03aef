package postgres_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/executor/runner/sql/enginetest"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestTheExampleLeavesItsRowsOnceHoweverOftenItRuns(t *testing.T) {
	t.Parallel()
	url, admin := database(t)
	exec := func(statement string) {
		if _, err := admin.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	enginetest.Example(t, "postgres", url, exec, func() string {
		return strings.Join(list(t, admin, "SELECT concat_ws(E'\\t', tag, day, customer) FROM user_tags ORDER BY customer"), "\n")
	})
}

// database returns the URL of an empty database, and a connection to it.
func database(t *testing.T) (string, *pgx.Conn) {
	t.Helper()
	db := storetest.Empty(t)
	conn, err := pgx.Connect(t.Context(), db.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return db.URL, conn
}

// list returns the rows of a query of one text.
func list(t testing.TB, conn *pgx.Conn, query string) []string {
	t.Helper()
	rows, _ := conn.Query(context.Background(), query)
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return all
}
