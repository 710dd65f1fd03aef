package runner

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// statement is one statement of a SQL job with its arguments for $1, $2, ….
type statement struct {
	text string
	args []json.RawMessage
}

type sqlPayload struct {
	source     string // "" when left out
	statements []statement
	atomic     bool // all in one transaction
}

func decodeSQL(raw json.RawMessage) (sqlPayload, error) {
	o := readObject("payload", raw, "source", "statement", "args", "statements", "atomic", traceparent)
	p := sqlPayload{source: o.text("source"), atomic: !o.has("atomic") || o.boolean("atomic")}
	switch {
	case o.err != nil:
	case o.has("statement") && o.has("statements"):
		o.refuse("statement and statements exclude each other: several statements go into statements")
	case o.has("statement"):
		p.statements = []statement{readStatement(o)}
	case !o.has("statements"):
		o.refuse("statement is missing (or statements, an array of objects with statement and args)")
	case o.has("args"):
		o.refuse("args belong to one statement: beside statements, write them into each of its elements")
	default:
		p.statements = readStatements(o)
	}
	readTraceparent(o)
	return p, o.err
}

func readStatements(o *object) []statement {
	list := o.list("statements")
	if len(list) == 0 {
		o.refuse("statements is empty")
	}
	var out []statement
	for i, raw := range list {
		element := readObject(fmt.Sprintf("%s: statements[%d]", o.path, i), raw, "statement", "args")
		out = append(out, readStatement(element))
		if element.err != nil {
			o.err = element.err
			return nil
		}
	}
	return out
}

// copyIntoTable tells COPY table FROM from COPY … TO, where the server's answer does not.
var copyIntoTable = regexp.MustCompile(`(?is)^(\s|--[^\n]*\n|/\*.*?\*/)*COPY\s+("[^"]*"|[^\s"(])+\s*(\([^)]*\)\s*)?FROM\b`)

// copyFromClient finds the one statement that waits for input we do not have.
// One that it misses, with a comment in between, waits until the job's time is
// over.
var copyFromClient = regexp.MustCompile(`(?is)^(\s|--[^\n]*\n|/\*.*?\*/)*COPY\s.*\bFROM\s+STDIN\b`)

func readStatement(o *object) statement {
	s := statement{text: o.text("statement"), args: o.list("args")}
	switch {
	case o.err != nil:
	case strings.TrimSpace(s.text) == "":
		o.refuse("statement is empty")
	case strings.ContainsRune(s.text, 0):
		o.refuse("statement holds a NUL character")
	case copyFromClient.MatchString(s.text):
		o.refuse("COPY … FROM STDIN has no input here: use INSERT, or COPY from a file of the server")
	case len(s.args) > 65535:
		o.refuse("args has %d elements; a statement takes at most 65535", len(s.args))
	}
	return s
}
