package postgres

import (
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// The error of an attempt is read by everybody who may read tagreport, the output
// only by those who may read payloads. So of what a server says the error holds
// what is wrong and where, and the output all of it.

const quotationMark = `["'` + "`" + `«»‹›“”„‘’「」『』]`

var (
	// quoted is what stands in quotation marks, of any language: from the first
	// to the last, since a value may hold some too.
	quoted    = regexp.MustCompile(`(?s)` + quotationMark + `.*` + quotationMark)
	quotation = regexp.MustCompile(quotationMark)
	// parameter finds which argument the server could not read, in the context of an
	// error; other lines there quote data.
	parameter = regexp.MustCompile(`(?m)^[\p{L} ]+\$(\d{1,5})(?: = .*)?$`)
)

// publicMessage returns a server's message without the values that it quotes. It
// does so in the class "data exception"; elsewhere it quotes names.
func publicMessage(e *pgconn.PgError) string {
	if !strings.HasPrefix(e.Code, "22") {
		return e.Message
	}
	message := e.Message
	if first := quotation.FindStringIndex(message); first != nil && len(message) > maxNotice/2 {
		message = message[:first[0]] // its end, and with it a quotation mark, may have been cut off
	}
	message = strings.TrimRight(quoted.ReplaceAllString(message, "…"), " :…")
	if n := parameter.FindStringSubmatch(e.Where); n != nil {
		message += ", in argument $" + n[1]
	}
	return message
}
