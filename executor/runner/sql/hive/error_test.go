package hive

import (
	"strings"
	"testing"

	"github.com/tagexec/tagexec/executor/runner/sql"
)

// The messages are those of Spark 3.5.7 and Hive 3.1, shortened at their ends.
func TestErrorsSayTheCauseInOneLine(t *testing.T) {
	t.Parallel()
	const wrapped = "org.apache.hive.service.cli.HiveSQLException: Error running query: "
	for name, c := range map[string]struct {
		serverError
		code, message string
		permanent     bool
	}{
		"syntax, by the statement's own line": {
			serverError{"42601", wrapped + "[PARSE_SYNTAX_ERROR] org.apache.spark.sql.catalyst.parser.ParseException: \n[PARSE_SYNTAX_ERROR] Syntax error at or near 'SELEC'.(line 2, pos 0)\n\n== SQL ==\n-- tagexec 5f0c job=7\nSELEC 'secret'\n^^^\n"},
			"42601", "[PARSE_SYNTAX_ERROR] Syntax error at or near 'SELEC'.(line 1, column 0)", true,
		},
		"a missing table": {
			serverError{"42P01", wrapped + "[TABLE_OR_VIEW_NOT_FOUND] org.apache.spark.sql.AnalysisException: [TABLE_OR_VIEW_NOT_FOUND] The table or view `x` cannot be found. Verify the spelling.; line 2 pos 14;\n'Project [*]\n"},
			"42P01", "[TABLE_OR_VIEW_NOT_FOUND] The table or view `x` cannot be found. Verify the spelling.", true,
		},
		"data that cannot be read, without it": {
			serverError{"22018", wrapped + "org.apache.spark.SparkNumberFormatException: [CAST_INVALID_INPUT] The value 'secret' of the type \"STRING\" cannot be cast to \"INT\" because it is malformed.\n== SQL"},
			"22018", "[CAST_INVALID_INPUT] The value … because it is malformed.", false,
		},
		"a class without a state": {
			serverError{"", wrapped + "org.apache.spark.SparkException: Job aborted: [DIVIDE_BY_ZERO] Division by zero. Use \"secret\"\n\tat x"},
			"DIVIDE_BY_ZERO", "Job aborted: [DIVIDE_BY_ZERO] Division by zero. Use \"secret\"", false,
		},
		"what a function threw, which may be data": {
			serverError{"", wrapped + "java.lang.RuntimeException: secret is wrong\n\tat x"},
			"error", "java.lang.RuntimeException; the output says what went wrong", false,
		},
		"a right, which can be granted": {
			serverError{"42501", "Error while compiling statement: FAILED: HiveAccessControlException Permission denied"},
			"42501", "Error while compiling statement: FAILED: HiveAccessControlException Permission denied", false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := c.failure(sql.OnlyStatement)
			if want := strings.ReplaceAll(c.message, `"secret"`, "…"); f.Message != want || f.Code != c.code || f.Permanent != c.permanent {
				t.Errorf("got %s: %s, permanent %v\nwant %s: %s, permanent %v", f.Code, f.Message, f.Permanent, c.code, want, c.permanent)
			}
		})
	}
}
