package listing

import (
	"encoding/csv"
	"fmt"
	"io"
	"reflect"

	"github.com/tagexec/tagexec/cmd/internal/cli"
)

// Layout says which columns people see, by their json names.
type Layout struct {
	Table []string
	Wide  []string // after those of Table
	Name  string   // the key of a row
}

// List prints rows of one type, a page at a time.
type List[T any] struct {
	*Look
	out    io.Writer
	format string
	header bool
	fields []field
	name   field
	table  *table
	rows   int
}

// New checks the options and returns a list that prints to std.Out.
func New[T any](std cli.Streams, o *Options, layout Layout) (*List[T], error) {
	look, err := o.Look(std)
	if err != nil {
		return nil, err
	}
	l := &List[T]{Look: look, out: std.Out, format: o.Format, header: !o.NoHeader}
	all := fieldsOf(reflect.TypeFor[T]())
	names := o.Columns
	switch {
	case len(names) > 0:
	case o.Format == Table:
		names = layout.Table
	case o.Format == Wide:
		names = append(layout.Table[:len(layout.Table):len(layout.Table)], layout.Wide...)
	default:
		for _, f := range all {
			names = append(names, f.name)
		}
	}
	if l.fields, err = choose(all, names); err != nil {
		return nil, err
	}
	key, err := choose(all, []string{layout.Name})
	if err != nil {
		return nil, err
	}
	l.name = key[0]
	if o.Format == Table || o.Format == Wide {
		l.table = &table{look: look, fields: l.fields, key: layout.Name, header: l.header}
	}
	return l, nil
}

// ForPeople reports whether a person is to read it: then a sentence comes first.
func (l *List[T]) ForPeople() bool { return l.table != nil }

// Say prints a sentence of ours if a person is to read the list, and wants more than
// the rows.
func (l *List[T]) Say(format string, args ...any) {
	if l.table != nil && l.header {
		l.Look.Say(format, args...)
	}
}

// Page prints more rows.
func (l *List[T]) Page(rows []T) error {
	values := make([]reflect.Value, len(rows))
	for i := range rows {
		values[i] = reflect.ValueOf(&rows[i]).Elem()
	}
	first := l.rows == 0
	l.rows += len(rows)
	switch l.format {
	case Table, Wide:
		l.table.page(values)
		return nil
	case Name:
		for _, row := range values {
			fmt.Fprintln(l.out, l.shown(l.name, row))
		}
		return nil
	case CSV:
		return l.csvPage(values, first)
	}
	return l.jsonPage(values, first)
}

func (l *List[T]) csvPage(rows []reflect.Value, first bool) error {
	w := csv.NewWriter(l.out)
	cells := make([]string, len(l.fields))
	if first && l.header {
		for i, f := range l.fields {
			cells[i] = f.name
		}
		_ = w.Write(cells) // Flush has the error
	}
	for _, row := range rows {
		for i, f := range l.fields {
			cells[i] = l.csv(f, row)
		}
		_ = w.Write(cells)
	}
	w.Flush()
	return w.Error()
}

func (l *List[T]) jsonPage(rows []reflect.Value, first bool) error {
	var text []byte
	var err error
	for i, row := range rows {
		if l.format == JSON {
			text = append(text, separator(first && i == 0)...)
		}
		if text, err = l.appendJSON(text, l.fields, row); err != nil {
			return err
		}
		if l.format == JSONL {
			text = append(text, '\n')
		}
	}
	_, err = l.out.Write(text)
	return err
}

// separator is what comes before an object of an array.
func separator(first bool) string {
	if first {
		return "[\n  "
	}
	return ",\n  "
}

// End ends the list.
func (l *List[T]) End() error {
	var err error
	switch {
	case l.format == CSV && l.rows == 0:
		err = l.csvPage(nil, true)
	case l.format == JSON && l.rows == 0:
		_, err = fmt.Fprintln(l.out, "[]")
	case l.format == JSON:
		_, err = fmt.Fprintln(l.out, "\n]")
	}
	return err
}

// All prints the rows of a list that has one page.
func (l *List[T]) All(rows []T) error {
	if err := l.Page(rows); err != nil {
		return err
	}
	return l.End()
}
