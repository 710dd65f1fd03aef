//go:build engines

package mysql_test

import (
	"strings"
	"testing"
)

// The error is read by analysts, the output by viewers.
func TestErrorsHoldNoValuesAndNoStatement(t *testing.T) {
	t.Parallel()
	url, admin := database(t)
	must(t, admin, "CREATE TABLE u (v varchar(20) UNIQUE, n tinyint, day date, mood enum('sad'), need int NOT NULL DEFAULT 1, doc json, CHECK (n < 100))")
	must(t, admin, "INSERT INTO u (v) VALUES ('S3cret''s')")
	must(t, admin, "CREATE TABLE parts (i int) PARTITION BY RANGE (i) (PARTITION p VALUES LESS THAN (10))")
	must(t, admin, "CREATE TABLE parent (i int PRIMARY KEY)")
	must(t, admin, "CREATE TABLE child (i int, CONSTRAINT belongs FOREIGN KEY (i) REFERENCES parent (i))")
	must(t, admin, "CREATE PROCEDURE refuse(what text) SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = what")
	db := name(url)
	s := newSQL(t, url)
	for _, tt := range []struct {
		text, arg, code string
		permanent       bool
		message         string
	}{
		{"SELECT 'S3cret' FROM t WHERE ? =", "1", "1064", true, "right syntax to use near … at line 1"},
		{"SELECT * FROM nope WHERE 'S3cret' = ?", "1", "1146", true, "Table '" + db + ".nope' doesn't exist"},
		{"SELECT nope FROM t WHERE 'S3cret' = ?", "1", "1054", true, "Unknown column 'nope' in "},
		{"SELECT nope('S3cret', ?)", "1", "1305", true, "FUNCTION " + db + ".nope does not exist"},
		{"INSERT INTO u (v) VALUES (?)", "S3cret's", "1062", false, "Duplicate entry … for key 'v'"},
		{"INSERT INTO u (n) VALUES (?)", "S3cret", "1366", false, "Incorrect integer value: … for column"},
		{"INSERT INTO u (n) VALUES (?)", "4711", "1264", false, "Out of range value for column 'n' at row 1"},
		{"INSERT INTO u (n) VALUES (?)", "101", "4025", false, "CONSTRAINT"},
		{"INSERT INTO u (day) VALUES (?)", "S3cret", "1292", false, "Incorrect date value: … for column"},
		{"INSERT INTO u (mood) VALUES (?)", "S3cret", "1265", false, "Data truncated for column 'mood' at row 1"},
		{"INSERT INTO u (need) VALUES (nullif(?, 'S3cret'))", "S3cret", "1048", false, "Column 'need' cannot be null"},
		{"INSERT INTO u (v) VALUES (?)", strings.Repeat("S3cret", 10), "1406", false, "Data too long for column 'v' at row 1"},
		{"INSERT INTO u (v) SELECT v FROM u WHERE v <> ?", "1", "1062", false, "Duplicate entry … for key 'v'"},
		{"INSERT INTO parts VALUES (?)", "4711", "1526", false, "Table has no partition for value …"},
		{"INSERT INTO child VALUES (?)", "4711", "1452", false, "a foreign key constraint fails"},
		{"CALL refuse(?)", "no customer 'S3cret' here", "1644", false, "no customer … here"},
		{"UPDATE u SET n = (SELECT exp(v) FROM u), v = ?", "1", "1292", false, "Truncated incorrect DOUBLE value: …"},
		{"SELECT ? FROM mysql.user", "1", "1142", false, "SELECT command denied to user … for table"},
	} {
		report, err := s.Run(t.Context(), job(statement(tt.text, tt.arg)))
		f := wantFailure(t, err, tt.code, tt.permanent)
		if !strings.Contains(f.Message, tt.message) {
			t.Errorf("%s: message %q does not hold %q", tt.text, f.Message, tt.message)
		}
		for _, secret := range []string{"S3cret", "4711", "hush", db + "_job"} {
			if strings.Contains(f.Message, secret) {
				t.Errorf("%s: message %q holds %s", tt.text, f.Message, secret)
			}
		}
		if !strings.HasPrefix(report.Output, "ERROR "+tt.code+" (") {
			t.Errorf("%s: output %q", tt.text, report.Output)
		}
	}
}
