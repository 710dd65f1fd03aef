package listing

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/cli"
)

// nothing is what people see of a value that is missing.
const nothing = "-"

// shown is a value for people.
func (l *Look) shown(f field, row reflect.Value) string {
	v, ok := f.value(row)
	if !ok {
		return nothing
	}
	switch x := v.Interface().(type) {
	case time.Time:
		return l.Time(x)
	case float64:
		if strings.HasSuffix(f.name, "_seconds") {
			return Seconds(x)
		}
		return strconv.FormatFloat(x, 'g', -1, 64)
	case bool:
		if x {
			return "yes"
		}
		return "no"
	case string:
		if x == "" {
			return nothing
		}
		return cli.Printable(x)
	case []string:
		return cli.Printable(strings.Join(x, ","))
	case []int64:
		return numbers(x)
	case json.RawMessage:
		return cli.Printable(string(x))
	default:
		return fmt.Sprint(x)
	}
}

// csv is a value as CSV has it: nothing for one that is missing. Text that a
// spreadsheet would take for a formula gets a quote before it.
func (l *Look) csv(f field, row reflect.Value) string {
	v, ok := f.value(row)
	if !ok {
		return ""
	}
	text := ""
	switch x := v.Interface().(type) {
	case time.Time:
		return x.In(l.Zone).Format(time.RFC3339Nano)
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64)
	case string:
		text = x
	case []string:
		text = strings.Join(x, ",")
	case []int64:
		return numbers(x)
	case json.RawMessage:
		text = string(x)
	default:
		if !isNumber(f.kind.Kind()) && f.kind.Kind() != reflect.Bool { // rows within a row
			list, _ := json.Marshal(x) // of structs of ours
			return string(list)
		}
		return fmt.Sprint(x)
	}
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

func numbers(list []int64) string {
	words := make([]string, len(list))
	for i, n := range list {
		words[i] = strconv.FormatInt(n, 10)
	}
	return strings.Join(words, ",")
}

// appendJSON appends a row as a JSON object, with the given fields.
func (l *Look) appendJSON(to []byte, fields []field, row reflect.Value) ([]byte, error) {
	to = append(to, '{')
	for _, f := range fields {
		value := any(nil)
		if v, ok := f.value(row); ok {
			value = v.Interface()
		} else if f.omit {
			continue
		}
		if to[len(to)-1] != '{' {
			to = append(to, ',')
		}
		to = append(strconv.AppendQuote(to, f.name), ':')
		if t, ok := value.(time.Time); ok {
			value = t.In(l.Zone)
		}
		var b bytes.Buffer
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(value); err != nil {
			return nil, fmt.Errorf("write %s as JSON: %w", f.name, err)
		}
		to = append(to, bytes.TrimRight(b.Bytes(), "\n")...)
	}
	return append(to, '}'), nil
}
