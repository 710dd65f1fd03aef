package trino

import (
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/tagexec/tagexec/executor/runner/sql"
)

// page is an answer of the server about a query.
type page struct {
	ID          string
	NextURI     string // "": it has ended
	Columns     []column
	Row         []json.RawMessage // the first of the page
	UpdateType  string            // INSERT, CREATE TABLE, …; "" of what only reads
	UpdateCount *int64
	Error       *queryError
}

type column struct{ Name, Type string }

var (
	errTooLarge = errors.New("a row is too large")
	errNoPage   = errors.New("no answer of a query")
)

// maxPage bounds what is read of a page, in bytes. The server makes pages of about 1 MB,
// of one row at least.
const maxPage = 64 << 20

// readPage reads a page. Of its rows only the first is kept, if it is wanted.
func readPage(body io.Reader, wantRow bool) (p page, err error) {
	limited := &io.LimitedReader{R: body, N: maxPage}
	d := json.NewDecoder(limited)
	if token, err := d.Token(); err != nil || token != json.Delim('{') {
		return p, errors.Join(errNoPage, err)
	}
	for err == nil && d.More() {
		err = p.readMember(d, wantRow)
	}
	if err == nil {
		_, err = d.Token() // the }
	}
	if err != nil && limited.N == 0 {
		err = errTooLarge
	}
	return p, err
}

func (p *page) readMember(d *json.Decoder, wantRow bool) error {
	name, err := d.Token()
	if err != nil {
		return err
	}
	switch name {
	case "id":
		return d.Decode(&p.ID)
	case "nextUri":
		return d.Decode(&p.NextURI)
	case "columns":
		return d.Decode(&p.Columns)
	case "data":
		return p.readRows(d, wantRow)
	case "updateType":
		return d.Decode(&p.UpdateType)
	case "updateCount":
		return d.Decode(&p.UpdateCount)
	case "error":
		return d.Decode(&p.Error)
	}
	return d.Decode(&json.RawMessage{})
}

func (p *page) readRows(d *json.Decoder, wantRow bool) error {
	if token, err := d.Token(); err != nil || token != json.Delim('[') {
		return err // null
	}
	var row json.RawMessage
	for ; d.More(); wantRow = false {
		row = row[:0]
		if err := d.Decode(&row); err != nil {
			return err
		}
		if !wantRow {
			continue
		}
		if len(row) > sql.MaxRow {
			return errTooLarge
		}
		if err := json.Unmarshal(row, &p.Row); err != nil {
			return err
		}
	}
	_, err := d.Token() // the ]
	return err
}

// object is a row as JSON. What the server writes is exact: a decimal is a text, a bigint
// a number, both with all of their digits; NaN and infinities are texts.
func object(columns []column, row []json.RawMessage) (json.RawMessage, error) {
	if len(row) != len(columns) {
		return nil, errors.New("it has another number of values than of columns")
	}
	names := make([]string, len(row))
	for i, c := range columns {
		names[i], row[i] = c.Name, exact(row[i], c.Type)
	}
	return sql.Object(names, row)
}

// exact is a decimal without its quotation marks, and other values as they are.
func exact(value json.RawMessage, kind string) json.RawMessage {
	if !strings.HasPrefix(kind, "decimal") || len(value) < 2 || value[0] != '"' {
		return value
	}
	if bare := value[1 : len(value)-1]; json.Valid(bare) {
		return bare
	}
	return value
}
