package postgres

import (
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// notesKey is where a connection keeps the io.Writer that takes what the server says.
const notesKey = "tagexec notes"

// takeNotes makes the connections of a configuration write what a server says
// beside its results (RAISE NOTICE, VERBOSE, warnings) to the output of their job.
func takeNotes(config *pgx.ConnConfig) {
	config.OnNotice = func(pg *pgconn.PgConn, n *pgconn.Notice) {
		if output, ok := pg.CustomData()[notesKey].(io.Writer); ok {
			writeMessage(output, (*pgconn.PgError)(n))
		}
	}
}

// writeMessage writes all that a server says in a notice or an error.
func writeMessage(output io.Writer, e *pgconn.PgError) {
	text := &strings.Builder{}
	text.WriteString(e.Severity)
	if isError := !strings.HasPrefix(e.Code, "00") && !strings.HasPrefix(e.Code, "01"); isError {
		text.WriteString(" " + e.Code)
	}
	text.WriteString(": " + e.Message + "\n")
	for _, part := range []struct{ name, text string }{{"DETAIL", e.Detail}, {"HINT", e.Hint}, {"CONTEXT", e.Where}} {
		if part.text != "" && (part.name != "CONTEXT" || e.Severity != "NOTICE") {
			fmt.Fprintf(text, "%s: %s\n", part.name, part.text)
		}
	}
	_, _ = output.Write([]byte(text.String())) // it takes everything
}
