package mysql

import (
	"regexp"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// The error of an attempt is read by everybody who may read tagreport, the output
// only by those who may read payloads. So of what a server says the error holds
// what is wrong and where, and the output all of it.

// quotesNames are the errnos whose messages quote names only. All others may quote data,
// or the statement.
var quotesNames = []uint16{
	1044, 1045, 1046, 1048, 1049, 1050, 1051, 1052, 1054, 1055, 1060, 1061, 1068, 1072, 1091, 1109, 1142, 1143, 1146, 1193, 1222, 1227, 1228,
	1235, 1238, 1264, 1265, 1293, 1295, 1305, 1318, 1356, 1364, 1370, 1406, 1451, 1452, 1582, 3819, 4025,
}

// maxShown is how long a message may be of which the server cuts off no more, in bytes.
const maxShown = 500

var (
	quoted = regexp.MustCompile(`(?s)['"].*['"]`) // from the first to the last, since a value may hold some too
	quote  = regexp.MustCompile(`['"]`)
	login  = regexp.MustCompile(`'[^']*'@'[^']*'`)
	// duplicate is the one message whose name stands in the same quotes behind the value.
	duplicate = regexp.MustCompile(`(?s)^(Duplicate entry) '.*' (for key '[^']*')$`)
	// partition quotes a value without quotation marks.
	partition = regexp.MustCompile(`(?s)^(Table has no partition for value) .*$`)
)

// publicMessage returns a server's message without the values that it quotes, without
// the login, and without the statement that some append.
func publicMessage(e *mysql.MySQLError) string {
	message, _, _ := strings.Cut(e.Message, "== SQL ==")
	message = login.ReplaceAllString(strings.Join(strings.Fields(message), " "), "…") // one line
	switch {
	case slices.Contains(quotesNames, e.Number):
		return message
	case duplicate.MatchString(message):
		return duplicate.ReplaceAllString(message, "$1 … $2")
	case partition.MatchString(message):
		return partition.ReplaceAllString(message, "$1 …")
	}
	if at := quote.FindStringIndex(message); at != nil && len(e.Message) > maxShown {
		return strings.TrimRight(message[:at[0]], " :") // its end, and with it a quotation mark, may have been cut off
	}
	return quoted.ReplaceAllString(message, "…")
}
