package clickhouse

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/tagexec/tagexec/executor/runner/sql"
)

// answer is what a statement returned.
type answer struct {
	columns []column
	row     []json.RawMessage // the first; nil for none
	foreign bool              // it came in a format that the statement chose
	written *int64            // rows, if the server says so
}

type column struct{ Name, Type string }

// errTooLarge is a first row that is longer than sql.MaxRow.
var errTooLarge = errors.New("the first row is too large")

// maxTail is how much of the end of an answer is looked at, in bytes.
const maxTail = 16 << 10

// read reads an answer in the format JSONCompact to its end. Rows behind the first are
// dropped as they come.
func read(body io.Reader, wantRow bool) (a answer, err error) {
	in := bufio.NewReader(body)
	rest := io.Reader(in)
	if first, _ := in.Peek(1); len(first) == 1 && first[0] == '{' && wantRow {
		head := &io.LimitedReader{R: in, N: 2 * sql.MaxRow} // the columns, the row, and what decoding reads ahead
		decoder := json.NewDecoder(head)
		err = a.readFirst(decoder)
		if err != nil && head.N == 0 {
			return a, errTooLarge
		}
		rest = io.MultiReader(decoder.Buffered(), in)
	} else {
		a.foreign = wantRow && len(first) == 1 && first[0] != '{'
	}
	end := &tail{}
	if _, err := io.Copy(end, rest); err != nil {
		return a, err
	}
	if refused := findLate(string(end.end)); refused != nil {
		return a, refused
	}
	if err != nil { // JSON of the statement's own format
		return answer{foreign: true}, nil
	}
	if size := len(bytes.Join(raw(a.row), nil)); size > sql.MaxRow {
		return a, errTooLarge
	}
	return a, nil
}

func raw(row []json.RawMessage) (list [][]byte) {
	for _, value := range row {
		list = append(list, value)
	}
	return list
}

// readFirst reads the columns and the first row.
func (a *answer) readFirst(d *json.Decoder) error {
	if _, err := d.Token(); err != nil { // the {
		return err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		switch key {
		case "meta":
			err = d.Decode(&a.columns)
		case "data":
			return a.readRow(d)
		default:
			err = d.Decode(&json.RawMessage{})
		}
		if err != nil {
			return err
		}
	}
	return errors.New("no data")
}

func (a *answer) readRow(d *json.Decoder) error {
	if token, err := d.Token(); err != nil || token != json.Delim('[') {
		return errors.Join(err, errors.New("no array"))
	}
	if !d.More() {
		return nil
	}
	if err := d.Decode(&a.row); err != nil {
		return err
	}
	if len(a.row) != len(a.columns) {
		return errors.New("another format")
	}
	return nil
}

// object is the first row as JSON. Numbers that the server puts in quotation marks, to
// keep them exact, lose these; everything else is as the server writes it.
func (a answer) object() (json.RawMessage, error) {
	names, values := make([]string, len(a.row)), make([]json.RawMessage, len(a.row))
	for i, value := range a.row {
		names[i], values[i] = a.columns[i].Name, number(value, a.columns[i].Type)
	}
	return sql.Object(names, values)
}

// number takes the quotation marks from a number of an exact type.
func number(value json.RawMessage, kind string) json.RawMessage {
	for _, wrapper := range []string{"LowCardinality(", "Nullable("} {
		kind = strings.TrimPrefix(kind, wrapper)
	}
	exact := strings.HasPrefix(kind, "Int") && !strings.HasPrefix(kind, "Interval") || strings.HasPrefix(kind, "UInt") || strings.HasPrefix(kind, "Decimal")
	if bare := bytes.Trim(value, `"`); exact && json.Valid(bare) {
		return bare
	}
	return value
}

// written reads how many rows were written: {"read_rows":"7","written_rows":"7",…}.
func written(summary string) *int64 {
	var counts struct {
		Rows *string `json:"written_rows"`
	}
	if json.Unmarshal([]byte(summary), &counts) != nil || counts.Rows == nil {
		return nil
	}
	rows, err := strconv.ParseInt(*counts.Rows, 10, 64)
	if err != nil {
		return nil
	}
	return &rows
}

// tail keeps the end of what is written to it.
type tail struct{ end []byte }

// Write keeps the last maxTail bytes, and sometimes some before them.
func (t *tail) Write(p []byte) (int, error) {
	t.end = append(t.end, p[max(0, len(p)-maxTail):]...)
	if spare := len(t.end) - maxTail; spare > maxTail {
		t.end = append(t.end[:0], t.end[spare:]...)
	}
	return len(p), nil
}
