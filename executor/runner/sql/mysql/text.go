package mysql

import (
	"regexp"
	"strings"
)

// before is what may stand before the first word of a statement: blanks, parentheses, and
// comments but those that the server executes.
const before = `(?is)^(?:\s|\(|--(?:[^\S\n][^\n]*)?\n|#[^\n]*\n|/\*(?:(?:[^*!]|\*+[^*/])(?:[^*]|\*+[^*/])*)?\*+/)*`

var (
	first = regexp.MustCompile(before + `([A-Za-z]+)`)
	// ends finds the statements that end a transaction, or begin another.
	ends = regexp.MustCompile(before + `(?:(COMMIT|START\s+TRANSACTION|XA|SET\s+(?:SESSION\s+|@@)?autocommit)\b|` +
		`(ROLLBACK)(?:\s+WORK)?\s*(?:;|$|AND\b|NO\b|RELEASE\b)|(BEGIN)(?:\s+WORK)?\s*(?:;|$))`)
	// commits finds the statements that commit by themselves.
	commits   = regexp.MustCompile(before + `(ALTER|ANALYZE\s+TABLE|CACHE|CHECK|CREATE|DROP|FLUSH|GRANT|LOCK|OPTIMIZE|RENAME|REPAIR|REVOKE|TRUNCATE|UNLOCK)\b`)
	temporary = regexp.MustCompile(before + `(?:CREATE(?:\s+OR\s+REPLACE)?|DROP)\s+TEMPORARY\b`)
)

// verb is how a statement is called.
func verb(text string) string { return strings.ToUpper(strings.Join(strings.Fields(text), " ")) }

// word is the first word of a statement.
func word(text string) string {
	if found := first.FindStringSubmatch(text); found != nil {
		return strings.ToUpper(found[1])
	}
	return ""
}

// writes reports whether the statement changes rows by its first word.
func writes(text string) bool {
	switch word(text) {
	case "INSERT", "REPLACE", "UPDATE", "DELETE", "LOAD":
		return true
	}
	return false
}

var returning = regexp.MustCompile(`(?i)\bRETURNING\b`)

// mayReturnRows reports whether a statement may return rows.
func mayReturnRows(text string) bool {
	return !(writes(text) || word(text) == "CREATE") || returning.MatchString(text)
}
