package postgres

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/tagexec/tagexec/executor/runner/strictjson"
)

// Arguments are sent in text form, so the server reads them with the input
// function of the parameter's type, as if they stood quoted in the statement:
// "1997-01-31" fits a date, 12 an int, a numeric or a text.

// bind returns the text form of a JSON value for a parameter of the given
// type, nil for NULL. An array becomes JSON text where the type is json, jsonb
// or text, else a Postgres array; an object always becomes JSON text.
func bind(raw json.RawMessage, oid uint32) []byte {
	switch strictjson.Kind(raw) {
	case "null":
		return nil
	case "a string":
		return []byte(strictjson.Text(raw))
	case "an array":
		if takesJSON(oid) {
			return bytes.TrimSpace(raw)
		}
		dimensions := 6 // as many as Postgres has
		if oid == pgtype.JSONArrayOID || oid == pgtype.JSONBArrayOID {
			dimensions = 1
		}
		var b strings.Builder
		writeArray(&b, raw, dimensions)
		return []byte(b.String())
	}
	return bytes.TrimSpace(raw)
}

func takesJSON(oid uint32) bool {
	switch oid {
	case pgtype.JSONOID, pgtype.JSONBOID, pgtype.TextOID, pgtype.VarcharOID, pgtype.BPCharOID, pgtype.UnknownOID:
		return true
	}
	return false
}

// writeArray writes a JSON array as a Postgres array literal. Arrays in it are
// further dimensions as long as there may be more, and then JSON text.
func writeArray(b *strings.Builder, raw json.RawMessage, dimensions int) {
	b.WriteByte('{')
	for i, v := range strictjson.Elements(raw) {
		if i > 0 {
			b.WriteByte(',')
		}
		switch kind := strictjson.Kind(v); {
		case kind == "null":
			b.WriteString("NULL")
		case kind == "a string":
			writeElement(b, strictjson.Text(v))
		case kind == "an array" && dimensions > 1:
			writeArray(b, v, dimensions-1)
		default:
			writeElement(b, string(bytes.TrimSpace(v)))
		}
	}
	b.WriteByte('}')
}

var elementEscape = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func writeElement(b *strings.Builder, s string) {
	b.WriteByte('"')
	_, _ = elementEscape.WriteString(b, s) // a Builder takes everything
	b.WriteByte('"')
}
