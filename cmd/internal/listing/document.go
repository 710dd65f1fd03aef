package listing

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/tagexec/tagexec/cmd/internal/cli"
)

// Document prints one row in the format that was asked for. forPeople is true if that
// is a table: then nothing is printed, and the caller does it by the look.
func Document[T any](std cli.Streams, o *Options, row T, key string) (look *Look, forPeople bool, err error) {
	list, err := New[T](std, o, Layout{Table: []string{key}, Name: key})
	switch {
	case err != nil:
		return nil, false, err
	case list.ForPeople() && len(o.Columns) == 0:
		return list.Look, true, nil
	case o.Format != JSON:
		return list.Look, false, list.All([]T{row})
	}
	text, err := list.appendJSON(nil, list.fields, reflect.ValueOf(&row).Elem())
	if err != nil {
		return nil, false, err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		return nil, false, err
	}
	_, err = fmt.Fprintln(std.Out, b.String())
	return list.Look, false, err
}

// Say prints a sentence that stands out.
func (l *Look) Say(format string, args ...any) {
	fmt.Fprintln(l.out, l.in(bold, cli.Printable(fmt.Sprintf(format, args...))))
}

// Print prints a line.
func (l *Look) Print(format string, args ...any) {
	fmt.Fprintln(l.out, cli.Printable(fmt.Sprintf(format, args...)))
}

// Item is a line of a description: a name and what it is.
type Item struct{ Name, Value string }

// Items prints those items that have a value, one a line.
func (l *Look) Items(items ...Item) {
	width := 0
	for _, item := range items {
		if item.Value != "" {
			width = max(width, len(item.Name))
		}
	}
	for _, item := range items {
		if item.Value != "" {
			fmt.Fprintln(l.out, l.in(dim, item.Name+strings.Repeat(" ", width-len(item.Name)))+"  "+l.paint(item.Value, cli.Printable(item.Value)))
		}
	}
}

// Rows prints a table of these columns within a description.
func Rows[T any](l *Look, columns []string, rows []T) error {
	fields, err := choose(fieldsOf(reflect.TypeFor[T]()), columns)
	if err != nil {
		return err
	}
	values := make([]reflect.Value, len(rows))
	for i := range rows {
		values[i] = reflect.ValueOf(&rows[i]).Elem()
	}
	(&table{look: l, fields: fields, header: true}).page(values)
	return nil
}
