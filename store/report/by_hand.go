package report

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

var argument = regexp.MustCompile(`@[a-z_]+`)

// byHand is a question of ours with its arguments, as somebody can ask it in psql. Our
// name for it is left out: it would be taken for ours.
func (r *Reader) byHand(sql string, args pgx.StrictNamedArgs) string {
	_, sql, _ = strings.Cut(sql, "\n")
	sql = argument.ReplaceAllStringFunc(sql, func(name string) string {
		switch value := args[name[1:]].(type) {
		case int:
			return fmt.Sprint(value)
		case time.Time:
			return quoted(value.UTC().Format(time.RFC3339Nano))
		default:
			return quoted(fmt.Sprint(value))
		}
	})
	if r.zone != "" {
		sql = "SET timezone = " + quoted(r.zone) + ";\n" + sql
	}
	return sql + ";"
}

// quoted is a text as a literal of SQL, also where backslashes mean something.
func quoted(text string) string {
	literal := "'" + strings.ReplaceAll(text, "'", "''") + "'"
	if strings.Contains(text, `\`) {
		literal = "E" + strings.ReplaceAll(literal, `\`, `\\`)
	}
	return literal
}
