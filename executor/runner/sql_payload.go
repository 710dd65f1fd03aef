package runner

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/sql"
)

type sqlPayload struct {
	source     string // "" when left out
	statements []sql.Statement
	atomic     bool // all in one transaction
}

func decodeSQL(raw json.RawMessage) (sqlPayload, error) {
	o := readObject("payload", raw, "source", "statement", "args", "params", "statements", "atomic", traceparent)
	p := sqlPayload{source: o.text("source"), atomic: !o.has("atomic") || o.boolean("atomic")}
	switch {
	case o.err != nil:
	case o.has("statement") && o.has("statements"):
		o.refuse("statement and statements exclude each other: several statements go into statements")
	case o.has("statement"):
		p.statements = []sql.Statement{readStatement(o)}
	case !o.has("statements"):
		o.refuse("statement is missing (or statements, an array of objects with statement and args)")
	case o.has("args"), o.has("params"):
		o.refuse("args and params belong to one statement: beside statements, write them into each of its elements")
	default:
		p.statements = readStatements(o)
	}
	readTraceparent(o)
	return p, o.err
}

func readStatements(o *object) []sql.Statement {
	list := o.list("statements")
	if len(list) == 0 {
		o.refuse("statements is empty")
	}
	var out []sql.Statement
	for i, raw := range list {
		element := readObject(fmt.Sprintf("%s: statements[%d]", o.path, i), raw, "statement", "args", "params")
		out = append(out, readStatement(element))
		if element.err != nil {
			o.err = element.err
			return nil
		}
	}
	return out
}

// copyFromClient finds the one statement that waits for input we do not have.
// One that it misses, with a comment in between, waits until the job's time is
// over.
var copyFromClient = regexp.MustCompile(`(?is)^(\s|--[^\n]*\n|/\*.*?\*/)*COPY\s.*\bFROM\s+STDIN\b`)

func readStatement(o *object) sql.Statement {
	s := sql.Statement{Text: o.text("statement"), Args: o.list("args"), Params: o.members("params")}
	switch {
	case o.err != nil:
	case strings.TrimSpace(s.Text) == "":
		o.refuse("statement is empty")
	case o.has("args") && o.has("params"):
		o.refuse("args and params exclude each other: an engine takes the one or the other")
	case strings.ContainsRune(s.Text, 0):
		o.refuse("statement holds a NUL character")
	case copyFromClient.MatchString(s.Text):
		o.refuse("COPY … FROM STDIN has no input here: use INSERT, or COPY from a file of the server")
	case len(s.Args) > 65535:
		o.refuse("args has %d elements; a statement takes at most 65535", len(s.Args))
	}
	return s
}

// fits refuses what the engine of the source does not have.
func (p sqlPayload) fits(engine sql.Traits) error {
	if p.atomic && !engine.Atomic && len(p.statements) > 1 {
		return executor.Refusef(badPayload, "payload: %s has no transactions: statements 1 to k stay when statement k+1 fails; "+
			"say \"atomic\": false if all of them can be repeated", engine.Engine)
	}
	for _, st := range p.statements {
		switch {
		case len(st.Args) > 0 && engine.Arguments == sql.Named:
			return executor.Refusef(badPayload, "payload: %s takes arguments by name: \"params\", an object, in place of \"args\"", engine.Engine)
		case len(st.Params) > 0 && engine.Arguments == sql.Listed:
			return executor.Refusef(badPayload, "payload: %s takes arguments by their place: \"args\", an array, in place of \"params\"", engine.Engine)
		case len(st.Args)+len(st.Params) > 0 && engine.Arguments == sql.None:
			return executor.Refusef(badPayload, "payload: %s takes no arguments: write the values into the statement", engine.Engine)
		}
	}
	return nil
}
