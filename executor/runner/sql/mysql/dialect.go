package mysql

import (
	"strings"
	"time"

	"github.com/tagexec/tagexec/executor/runner/sql"
)

// dialect is what the servers differ in that speak the protocol of MySQL.
type dialect struct {
	product string
	atomic  bool // it has transactions over several statements, and counts by ROW_COUNT()
	// limits are the variables by which the server ends a statement, in this unit. Those
	// after the first may be unknown to it.
	limits      []string
	unit        time.Duration
	orphanEnded string
	// syntax is what its message holds when the text of a statement is wrong, where
	// errno 1064 also stands for other failures.
	syntax []string
}

var (
	mySQL = dialect{
		product: "MySQL", atomic: true, limits: []string{"max_execution_time"}, unit: time.Millisecond,
		orphanEnded: "max_execution_time if it reads; what writes runs to its end and is rolled back",
	}
	mariaDB = dialect{
		product: "MariaDB", atomic: true, limits: []string{"max_statement_time"}, unit: time.Second,
		orphanEnded: "max_statement_time; what it wrote is rolled back",
	}
	tiDB = dialect{
		product: "TiDB", atomic: true, limits: []string{"max_execution_time"}, unit: time.Millisecond,
		orphanEnded: "max_execution_time; what it wrote is rolled back",
	}
	starRocks = dialect{
		product: "StarRocks", limits: []string{"query_timeout", "insert_timeout"}, unit: time.Second,
		orphanEnded: "query_timeout; what it has written stays",
		syntax:      []string{"Getting syntax error", "Getting analyzing error"},
	}
	doris = dialect{
		product: "Doris", limits: []string{"query_timeout", "insert_timeout"}, unit: time.Second,
		orphanEnded: "query_timeout; what it has written stays",
		syntax:      []string{"Syntax error", "Unknown table"},
	}
)

// dialects are those of the schemes.
var dialects = map[string]dialect{"mysql": mySQL, "mariadb": mariaDB, "tidb": tiDB, "starrocks": starRocks, "doris": doris}

// recognize returns the dialect of a server by what it says of itself; false if it does
// not name one. version is VERSION(): 10.11.19-MariaDB, 8.0.11-TiDB-v7.5.0. comment is
// @@version_comment: "StarRocks version 3.3.0", "Doris version doris-2.1.7".
func recognize(version, comment string) (dialect, bool) {
	for _, d := range []dialect{mariaDB, tiDB, starRocks, doris, mySQL} {
		if strings.Contains(strings.ToLower(version+" "+comment), strings.ToLower(d.product)) {
			return d, true
		}
	}
	return dialect{}, false
}

// server describes a server by what it says of itself.
func (d dialect) server(version, comment string) sql.Server {
	if _, of, ok := strings.Cut(comment, " version "); ok && !d.atomic {
		version = strings.TrimPrefix(of, strings.ToLower(d.product)+"-")
	}
	if _, of, ok := strings.Cut(version, "-TiDB-v"); ok {
		version = of
	}
	version, _, _ = strings.Cut(version, "-")
	return sql.Server{Product: d.product, Version: version}
}

// traits says what jobs may ask of a source with this scheme.
func (d dialect) traits(scheme string) sql.Traits {
	return sql.Traits{
		Engine: scheme, Atomic: d.atomic, Arguments: sql.Listed, Counts: true,
		EndedBy: "KILL QUERY on a second connection", OrphanEndedBy: d.orphanEnded,
	}
}
