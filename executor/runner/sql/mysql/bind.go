package mysql

import (
	"bytes"
	"database/sql/driver"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/tagexec/tagexec/executor/runner/sql"
	"github.com/tagexec/tagexec/executor/runner/strictjson"
)

// mayTakeArguments reports whether the server must say how many arguments there are.
func mayTakeArguments(st sql.Statement) bool {
	return len(st.Args) > 0 || strings.Contains(st.Text, "?")
}

// bind returns the values of arguments.
func bind(args []json.RawMessage) []driver.NamedValue {
	values := make([]driver.NamedValue, len(args))
	for i, arg := range args {
		values[i] = driver.NamedValue{Ordinal: i + 1, Value: value(arg)}
	}
	return values
}

// value returns a JSON value as the driver takes it. A number that is not whole goes as
// text, which is exact: the server reads it by the type of the column.
func value(raw json.RawMessage) driver.Value {
	text := string(bytes.TrimSpace(raw))
	switch strictjson.Kind(raw) {
	case "null":
		return nil
	case "a boolean":
		return text == "true"
	case "a string":
		return strictjson.Text(raw)
	case "a number":
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
		if n, err := strconv.ParseUint(text, 10, 64); err == nil {
			return n
		}
	}
	return text
}
