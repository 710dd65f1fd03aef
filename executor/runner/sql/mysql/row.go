package mysql

import (
	"database/sql/driver"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tagexec/tagexec/executor/runner/sql"
	"github.com/tagexec/tagexec/executor/runner/strictjson"
)

// size is how long a row is, in bytes.
func size(values []driver.Value) (n int) {
	for _, value := range values {
		n += 8 // a number
		switch v := value.(type) {
		case []byte:
			n += len(v)
		case string:
			n += len(v)
		}
	}
	return n
}

// firstRow returns a row as a JSON object column → value. Where it cannot be a result
// the output says why.
func (s *session) firstRow(rows driver.Rows, values []driver.Value) json.RawMessage {
	types := rows.(driver.RowsColumnTypeDatabaseTypeName)
	list := make([]json.RawMessage, len(values))
	for i, value := range values {
		list[i] = jsonValue(types.ColumnTypeDatabaseTypeName(i), value)
	}
	row, err := sql.Object(rows.Columns(), list)
	if err != nil {
		fmt.Fprintf(s.job.Output, "the returned row could not be written as JSON: %v\n", err)
		return nil
	}
	return sql.Fits(row, s.job.Output)
}

// jsonValue converts a value of a column by its type: numbers exactly, binary data to
// base64, dates and times to the text that the server writes.
func jsonValue(kind string, value driver.Value) json.RawMessage {
	var text []byte
	switch v := value.(type) {
	case nil:
		return json.RawMessage("null")
	case []byte:
		text = v
	case string:
		text = []byte(v)
	default: // a whole number, or one of float or double, which are never infinite here
		text, _ := json.Marshal(v)
		return text
	}
	switch {
	case kind == "DECIMAL", kind == "JSON", strings.Contains(kind, "INT"):
		if json.Valid(text) {
			return json.RawMessage(string(text))
		}
	case kind == "BIT":
		return json.RawMessage(bits(text))
	case strings.HasSuffix(kind, "BLOB"), strings.HasSuffix(kind, "BINARY"), kind == "GEOMETRY", kind == "VECTOR":
		return strictjson.OfText(base64.StdEncoding.EncodeToString(text))
	}
	return strictjson.OfText(string(text))
}

// bits writes at most 64 bits as a number.
func bits(text []byte) string {
	var n uint64
	for _, b := range text {
		n = n<<8 | uint64(b)
	}
	return fmt.Sprint(n)
}
