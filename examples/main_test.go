package examples_test

import (
	"context"
	_ "embed"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

//go:embed testdata/history.sql
var historySQL string

// newHistory returns a database with four weeks of history.
func newHistory(t *testing.T) *storetest.DB {
	t.Helper()
	db := storetest.New(t)
	if _, err := db.Conn().PgConn().Exec(t.Context(), historySQL).ReadAll(); err != nil {
		t.Fatal(err)
	}
	return db
}

// analyst returns a session as a member of tagexec_analyst has it, in UTC.
func analyst(t *testing.T, db *storetest.DB) *pgx.Conn {
	t.Helper()
	conn := db.Conn()
	for _, sql := range []string{"SET timezone = 'UTC'", "SET ROLE tagexec_analyst", "SET default_transaction_read_only = on"} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	return conn
}

// table is what a query returned: names and types of the columns, and the rows.
type table struct {
	names, types []string
	rows         []map[string]any
}

func query(ctx context.Context, t *testing.T, conn *pgx.Conn, sql string) table {
	t.Helper()
	var result table
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		t.Fatalf("%s\n%v", sql, err)
	}
	var oids []uint32
	for _, f := range rows.FieldDescriptions() {
		result.names = append(result.names, f.Name)
		oids = append(oids, f.DataTypeOID)
	}
	result.rows, err = pgx.CollectRows(rows, pgx.RowToMap)
	if err != nil {
		t.Fatalf("%s\n%v", sql, err)
	}
	err = conn.QueryRow(ctx, "SELECT coalesce(array_agg(format_type(o, NULL) ORDER BY n), '{}') FROM unnest($1::oid[]) WITH ORDINALITY u (o, n)", oids).Scan(&result.types)
	if err != nil {
		t.Fatal(err)
	}
	return result
}
