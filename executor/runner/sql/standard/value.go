package standard

import (
	stdsql "database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tagexec/tagexec/executor/runner/sql"
	"github.com/tagexec/tagexec/executor/runner/strictjson"
)

// bind makes of a JSON value what drivers take. Whole numbers of 64 bits are numbers,
// all others texts, so that a decimal stays exact; arrays and objects are JSON text.
func bind(raw json.RawMessage) any {
	text := strings.TrimSpace(string(raw))
	switch strictjson.Kind(raw) {
	case "null":
		return nil
	case "a string":
		return strictjson.Text(raw)
	case "a boolean":
		return text == "true"
	case "a number":
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	}
	return text
}

// errTooLong is the error of a row that is longer than sql.MaxRow.
var errTooLong = errors.New("the row is too long")

// object makes a JSON object of the row that rows stand on.
func object(rows *stdsql.Rows, adapt func(value any, columnType string) any) (json.RawMessage, error) {
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	cells, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range cells {
		into[i] = &cells[i]
	}
	if err := rows.Scan(into...); err != nil {
		return nil, err
	}
	values, size := make([]json.RawMessage, len(columns)), 0
	for i, cell := range cells {
		if adapt != nil {
			cell = adapt(cell, types[i].DatabaseTypeName())
		}
		values[i] = jsonOf(cell)
		size += len(values[i])
	}
	if size > sql.MaxRow {
		return nil, errTooLong
	}
	return sql.Object(columns, values)
}

// jsonOf is a value as JSON: bytes that are no text in base64, times as RFC 3339 writes
// them, and what JSON has no word for as text.
func jsonOf(value any) json.RawMessage {
	switch v := value.(type) {
	case []byte:
		if utf8.Valid(v) {
			return strictjson.OfText(string(v))
		}
		return strictjson.OfText(base64.StdEncoding.EncodeToString(v))
	case time.Time:
		return strictjson.OfText(v.Format(time.RFC3339Nano))
	}
	if text, err := json.Marshal(value); err == nil {
		return text
	}
	return strictjson.OfText(fmt.Sprint(value)) // NaN, infinity
}
