package postgres

import (
	"bytes"
	"encoding/json"
	"regexp"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/tagexec/tagexec/executor/runner/sql"
	"github.com/tagexec/tagexec/executor/runner/strictjson"
)

// rowResult returns a row in text format as a JSON object column → value, as
// to_jsonb(row) would: booleans, numbers, json and arrays as themselves,
// timestamps in ISO 8601, everything else (also NaN and infinity) as the text
// the server writes. Of columns with one name the last counts.
//
// The server does not make the JSON, since no wrapper fits around every
// statement that returns rows.
func rowResult(types *pgtype.Map, fields []pgconn.FieldDescription, row [][]byte) (json.RawMessage, error) {
	columns, values := make([]string, len(row)), make([]json.RawMessage, len(row))
	for i, text := range row {
		columns[i], values[i] = fields[i].Name, jsonValue(types, fields[i].DataTypeOID, text)
	}
	return sql.Object(columns, values)
}

// jsonValue converts one value; nil is NULL.
func jsonValue(types *pgtype.Map, oid uint32, text []byte) json.RawMessage {
	if text == nil {
		return json.RawMessage("null")
	}
	switch oid {
	case pgtype.BoolOID:
		if string(text) == "t" {
			return json.RawMessage("true")
		}
		return json.RawMessage("false")
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.OIDOID,
		pgtype.Float4OID, pgtype.Float8OID, pgtype.NumericOID, pgtype.JSONOID, pgtype.JSONBOID:
		if json.Valid(text) { // not NaN, not Infinity
			return bytes.Clone(text)
		}
	case pgtype.TimestamptzOID, pgtype.TimestampOID:
		return strictjson.OfText(isoTime(string(text)))
	}
	if t, ok := types.TypeForOID(oid); ok {
		if array, ok := t.Codec.(*pgtype.ArrayCodec); ok {
			return jsonArray(types, oid, array.ElementType.OID, text)
		}
	}
	return strictjson.OfText(string(text))
}

func jsonArray(types *pgtype.Map, oid, element uint32, text []byte) json.RawMessage {
	var array pgtype.Array[*string]
	if err := types.Scan(oid, pgtype.TextFormatCode, text, &array); err != nil {
		return strictjson.OfText(string(text))
	}
	if len(array.Dims) == 0 {
		return json.RawMessage("[]")
	}
	values := make([]json.RawMessage, len(array.Elements))
	for i, v := range array.Elements {
		values[i] = json.RawMessage("null")
		if v != nil {
			values[i] = jsonValue(types, element, []byte(*v))
		}
	}
	// Fold the innermost dimension until one array is left.
	for d := len(array.Dims) - 1; d >= 0; d-- {
		n := int(array.Dims[d].Length)
		folded := make([]json.RawMessage, 0, len(values)/n)
		for ; len(values) > 0; values = values[n:] {
			inner := append([]byte{'['}, bytes.Join(rawBytes(values[:n]), []byte{','})...)
			folded = append(folded, append(inner, ']'))
		}
		values = folded
	}
	return values[0]
}

func rawBytes(values []json.RawMessage) [][]byte {
	out := make([][]byte, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}

// serverTime is how the server writes a timestamp with DateStyle ISO.
var serverTime = regexp.MustCompile(`^(\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)([+-]\d\d)?(:\d\d)?(:\d\d)?$`)

// isoTime turns "1997-01-31 10:00:00+00" into "1997-01-31T10:00:00+00:00" and
// leaves everything else (infinity, BC, another DateStyle) as it is.
func isoTime(s string) string {
	m := serverTime.FindStringSubmatch(s)
	if m == nil {
		return s
	}
	if m[3] != "" && m[4] == "" {
		m[4] = ":00"
	}
	return m[1] + "T" + m[2] + m[3] + m[4] + m[5]
}
