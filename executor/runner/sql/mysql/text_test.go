package mysql

import "testing"

func TestTheFirstWordOfAStatementIsFound(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"commit":                           "ends",
		"/**/ /* a **/ -- b\n# c\n(COMMIT": "ends",
		"/***/ROLLBACK;":                   "ends",
		"/* a\n * b */ DROP TABLE t":       "commits",
		"/*+ a */TRUNCATE t":               "commits",
		"ROLLBACK TO a":                    "",
		"-- COMMIT":                        "",
		"/* COMMIT */ SELECT 1":            "",
		// Only the first comments stand before the statement.
		"/* daily */ INSERT INTO t /* columns */ (cache, id) VALUES (1, 2)": "",
		"/* daily */ UPDATE t SET /* the */ lock = 1":                       "",
		"/**/ SELECT 1 /**/ COMMIT":                                         "",
	} {
		got := ""
		switch {
		case ends.MatchString(text):
			got = "ends"
		case commits.MatchString(text):
			got = "commits"
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
