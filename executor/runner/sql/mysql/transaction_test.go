//go:build engines

package mysql_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// statements makes the payload of several.
func statements(atomic bool, texts ...string) string {
	list := make([]map[string]string, len(texts))
	for i, text := range texts {
		list[i] = map[string]string{"statement": text}
	}
	payload, err := json.Marshal(map[string]any{"statements": list, "atomic": atomic})
	if err != nil {
		panic(err) // texts can be encoded
	}
	return string(payload)
}

func TestWhatEndsTheTransactionIsRefusedOrFound(t *testing.T) {
	t.Parallel()
	url, admin := database(t)
	must(t, admin, "CREATE PROCEDURE sneak() COMMIT")
	s := newSQL(t, url)
	for _, tt := range []struct{ payload, code, message, rows string }{
		{statement("COMMIT"), "transaction_ended", "the statement (COMMIT) would end", "0"},
		{statements(true, "INSERT INTO t VALUES (1, '')", " /* now */ rollback ;"), "transaction_ended", "statement 2 of 2 (ROLLBACK) would end", "0"},
		{statements(true, "INSERT INTO t VALUES (1, '')", "start  transaction"), "transaction_ended", "(START TRANSACTION) would end", "0"},
		{statements(true, "INSERT INTO t VALUES (1, '')", "BEGIN"), "transaction_ended", "(BEGIN) would end", "0"},
		{statements(true, "INSERT INTO t VALUES (1, '')", "SET autocommit = 1"), "transaction_ended", "(SET AUTOCOMMIT) would end", "0"},
		{statements(true, "INSERT INTO t VALUES (1, '')", "CREATE TABLE x (i int)"), "transaction_ended", "statement 2 of 2 (CREATE) commits by itself", "0"},
		{statements(true, "INSERT INTO t VALUES (1, '')", "analyze table t"), "transaction_ended", "(ANALYZE TABLE) commits by itself", "0"},
		{statements(true, "INSERT INTO t VALUES (1, '')", "CALL sneak()"), "transaction_ended", "what it committed stays", "1"},
		{statements(true, "INSERT INTO t VALUES (1, '')", "/*!40000 TRUNCATE t */"), "transaction_ended", "what it committed stays", "0"},
		{statements(false, "INSERT INTO t VALUES (1, '')", "BEGIN", "INSERT INTO t VALUES (2, '')"), "transaction_open", "was rolled back", "1"},
		{statements(true, "INSERT INTO t VALUES (1, '')", "SAVEPOINT a", "INSERT INTO t VALUES (2, '')", "ROLLBACK TO a"), "", "", "1"},
		{statements(true, "CREATE TEMPORARY TABLE x AS SELECT 1 AS a", "INSERT INTO t SELECT a, '' FROM x", "DROP TEMPORARY TABLE x"), "", "", "1"},
		{statements(false, "CREATE TABLE y AS SELECT 1 AS a", "INSERT INTO t SELECT a, '' FROM y"), "", "", "1"},
		{statement("CREATE TABLE z AS SELECT 1 AS a"), "", "", "0"},
		{statement("ANALYZE INSERT INTO t VALUES (1, '')"), "", "", "1"}, // explains, and does it
		{statement("INSERT INTO t VALUES (1, 'COMMIT')"), "", "", "1"},
	} {
		must(t, admin, "DELETE FROM t")
		_, err := s.Run(t.Context(), job(tt.payload))
		if tt.code == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.payload, err)
			}
		} else if f := wantFailure(t, err, tt.code, true); !strings.Contains(f.Message, tt.message) {
			t.Errorf("%s: message %q does not hold %q", tt.payload, f.Message, tt.message)
		}
		if n := value(t, admin, "SELECT count(*) FROM t"); n != tt.rows {
			t.Errorf("%s: the table has %s rows, want %s", tt.payload, n, tt.rows)
		}
	}
}
