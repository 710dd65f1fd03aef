//go:build duckdb

package duckdb

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2"
)

// layouts are how DuckDB writes times, by the types of columns. Those with a zone are left
// to RFC 3339.
var layouts = map[string]string{
	"DATE":         time.DateOnly,
	"TIME":         "15:04:05.999999",
	"TIMESTAMP":    "2006-01-02 15:04:05.999999",
	"TIMESTAMP_S":  time.DateTime,
	"TIMESTAMP_MS": "2006-01-02 15:04:05.999",
	"TIMESTAMP_NS": "2006-01-02 15:04:05.999999999",
}

// forJSON makes of a value what encoding/json writes as DuckDB's own to_json does. Times
// within lists and structures are RFC 3339.
func forJSON(value any, columnType string) any {
	switch v := value.(type) {
	case time.Time:
		if layout, ok := layouts[columnType]; ok {
			return v.Format(layout)
		}
	case []byte:
		if columnType == "UUID" && len(v) == 16 {
			return fmt.Sprintf("%x-%x-%x-%x-%x", v[:4], v[4:6], v[6:8], v[8:10], v[10:])
		}
	case duckdb.Decimal:
		return json.Number(decimal(v))
	case duckdb.Union:
		return forJSON(v.Value, "")
	case []any:
		for i := range v {
			v[i] = forJSON(v[i], "")
		}
	case map[string]any:
		for name := range v {
			v[name] = forJSON(v[name], "")
		}
	case duckdb.OrderedMap:
		object := make(map[string]any, v.Len())
		for i, key := range v.Keys() {
			object[fmt.Sprint(key)] = forJSON(v.Values()[i], "")
		}
		return object
	}
	return value
}

// decimal writes all digits of a decimal, the zeros at its end too.
func decimal(d duckdb.Decimal) string {
	digits, sign := d.Value.String(), ""
	if d.Value.Sign() < 0 {
		digits, sign = digits[1:], "-"
	}
	if d.Scale == 0 {
		return sign + digits
	}
	if missing := int(d.Scale) + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	point := len(digits) - int(d.Scale)
	return sign + digits[:point] + "." + digits[point:]
}
