package mysql

import (
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/tagexec/tagexec/executor/runner/sql"
)

// What the servers say that are not there for tests is from their documentation and
// issues.
func TestServersAreRecognizedByWhatTheySay(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ version, comment, product, shown string }{
		{"10.11.19-MariaDB-0+deb12u1", "Debian 12", "MariaDB", "10.11.19"},
		{"8.0.36", "MySQL Community Server - GPL", "MySQL", "8.0.36"},
		{"8.0.11-TiDB-v7.5.0", "TiDB Server (Apache License 2.0) Community Edition, MySQL 8.0 compatible", "TiDB", "7.5.0"},
		{"8.0.33", "StarRocks version 3.3.2", "StarRocks", "3.3.2"},
		{"5.7.99", "Doris version doris-2.1.7-rc03-443e87e203", "Doris", "2.1.7"},
	} {
		is, ok := recognize(tt.version, tt.comment)
		if got, want := is.server(tt.version, tt.comment), (sql.Server{Product: tt.product, Version: tt.shown}); !ok || got != want {
			t.Errorf("%s: got %v, want %v", tt.version, got, want)
		}
	}
	if _, ok := recognize("8.0.34", "Source distribution"); ok {
		t.Error("a server was recognized that does not say what it is")
	}
}

func TestOnlyWhatCanNeverPassIsPermanent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		of        dialect
		number    uint16
		message   string
		permanent bool
	}{
		{mySQL, 1064, "You have an error in your SQL syntax", true},
		{tiDB, 1146, "Table 'tags.nope' doesn't exist", true},
		{mySQL, 1142, "SELECT command denied to user 'u'@'h' for table 't'", false},
		{mySQL, 1045, "Access denied for user 'u'@'h' (using password: YES)", false},
		{mySQL, 1213, "Deadlock found when trying to get lock; try restarting transaction", false},
		{mySQL, 3024, "Query execution was interrupted, maximum statement execution time exceeded", false},
		{tiDB, 9007, "Write conflict", false},
		{tiDB, 1105, "other error: unknown", false},
		{starRocks, 1064, "Getting syntax error at line 1, column 7. Detail message: Unexpected input 'x'.", true},
		{starRocks, 1064, "Getting analyzing error. Detail message: Column 'x' cannot be resolved.", true},
		{starRocks, 1064, "Backend node not found. Check if any backend node is down.", false},
		{starRocks, 1064, "Memory of process exceed limit. try consume:2147483648", false},
		{doris, 1105, "errCode = 2, detailMessage = Syntax error in line 1", true},
		{doris, 1105, "errCode = 2, detailMessage = Unknown table 'x'", true},
		{doris, 1105, "errCode = 2, detailMessage = (10.0.0.1)[MEM_LIMIT_EXCEEDED] memory exceeded", false},
	} {
		if got := tt.of.neverPasses(&mysql.MySQLError{Number: tt.number, Message: tt.message}); got != tt.permanent {
			t.Errorf("%s %d %s: permanent %v", tt.of.product, tt.number, tt.message, got)
		}
	}
}

func TestPublicMessagesHoldNoData(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		number        uint16
		message, want string
	}{
		{1062, "Duplicate entry 'S3cret's' for key 't.once'", "Duplicate entry … for key 't.once'"},
		{1062, "Doppelter Eintrag 'S3cret' für Schlüssel 'once'", "Doppelter Eintrag …"},
		{1366, "Incorrect integer value: 'S3cret' for column 'n' at row 1", "Incorrect integer value: … at row 1"},
		{1690, "BIGINT value is out of range in '(S3cret + 1)'", "BIGINT value is out of range in …"},
		{1690, "BIGINT value is out of range in '(S3cret + 1" + strings.Repeat(" S3cret ", 100), "BIGINT value is out of range in"},
		{1142, "SELECT command denied to user 'me'@'10.0.0.1' for table 't'", "SELECT command denied to user … for table 't'"},
		{1064, "Getting syntax error at line 1, column 7. Detail message: Unexpected input 'S3cret', the most similar input is {'a'}.",
			"Getting syntax error at line 1, column 7. Detail message: Unexpected input …}."},
		{1105, "errCode = 2, detailMessage = \nno viable alternative at input (line 1, pos 7)\n\n== SQL ==\nSELECT S3cret\n-------^^^", "errCode = 2, detailMessage = no viable alternative at input (line 1, pos 7)"},
	} {
		if got := publicMessage(&mysql.MySQLError{Number: tt.number, Message: tt.message}); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestURLs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ url, want string }{
		{"mysql://u:p@db/tags", ""},
		{"starrocks://u:p@db:9030", ""},
		{"mysql://db/tags", "the URL names no user"},
		{"mysql://u:p@db/tags/more", "the URL names more than a database: it ends in /database"},
		{"postgres://u:p@db/tags", "the URL has a scheme of another engine"},
		{"mysql://u:p@db/tags?multiStatements=true", `the URL sets "multiStatements", which is not known here; these are: tls, tls_ca, connect_timeout, set.NAME`},
	} {
		got := ""
		if _, err := Parse(tt.url); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.url, got, tt.want)
		}
	}
}

func TestTheFirstWordStandsBehindComments(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"delete from t":     "DELETE",
		"--\nDELETE FROM t": "DELETE",
		"-- INSERT\n# UPDATE\n/**/ /* SELECT\n*/ ((DELETE": "DELETE",
		"/*!40000 DELETE */ FROM t":                        "",
		"":                                                 "",
	} {
		if got := word(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
