//go:build engines

package mysql_test

import (
	"strings"
	"testing"
)

func TestTheServersWarningsAreOutput(t *testing.T) {
	t.Parallel()
	url, admin := database(t)
	must(t, admin, "CREATE PROCEDURE warn() INSERT IGNORE INTO t VALUES ('S3cret', '')")
	s := newSQL(t, url)
	for _, tt := range []struct{ payload, want string }{
		{statement("INSERT INTO t VALUES (1, '')"), ""},
		{statement("INSERT IGNORE INTO t VALUES (1, '')"), "WARNING 1062: Duplicate entry '1' for key 'PRIMARY'\n"},
		{statement("UPDATE IGNORE t SET id = ? WHERE id = 1", "S3cret"), "WARNING 1366: Incorrect integer value: 'S3cret' for column `" + name(url) + "`.`t`.`id` at row 1\n"},
		{statement("SELECT 1 / 0"), "WARNING 1365: Division by 0\n"},
		{statement("CALL warn()"), "WARNING 1366: Incorrect integer value: 'S3cret' for column `" + name(url) + "`.`t`.`id` at row 1\nWARNING 1062: Duplicate entry '0' for key 'PRIMARY'\n"},
		{statement("DROP TABLE IF EXISTS nowhere"), "NOTE 1051: Unknown table '" + name(url) + ".nowhere'\n"},
		{statements(true, "DROP TEMPORARY TABLE IF EXISTS a", "SELECT 1 / 0", "DELETE FROM t"), "NOTE 1051: Unknown table '" + name(url) + ".a'\nWARNING 1365: Division by 0\n"},
	} {
		report, err := s.Run(t.Context(), job(tt.payload))
		if err != nil || report.Output != tt.want {
			t.Errorf("%s: got %q, %v, want %q", tt.payload, report.Output, err, tt.want)
		}
	}
}

func TestOfManyWarningsSomeAreOutput(t *testing.T) {
	t.Parallel()
	url, _ := database(t)
	report, err := newSQL(t, url).Run(t.Context(), job(statement("INSERT IGNORE INTO t SELECT 1, '' FROM seq_1_to_1000")))
	if err != nil || strings.Count(report.Output, "WARNING 1062") != 20 || !strings.HasSuffix(report.Output, "\nand 44 warnings more\n") {
		t.Errorf("got %v, %s", err, report.Output)
	}
}

func TestAFailureHoldsNoWarnings(t *testing.T) {
	t.Parallel()
	url, _ := database(t)
	report, err := newSQL(t, url).Run(t.Context(), job(statements(true, "INSERT IGNORE INTO t VALUES ('S3cret', '')", "SELECT * FROM nowhere")))
	if f := wantFailure(t, err, "1146", true); strings.Contains(f.Message, "S3cret") || !strings.Contains(report.Output, "S3cret") {
		t.Errorf("got %s, output %s", f.Message, report.Output)
	}
}
