package listing

import (
	"reflect"
	"strings"

	"github.com/tagexec/tagexec/cmd/internal/cli"
)

// field is a column: a field of the rows' struct, under its json name.
type field struct {
	name  string
	index []int
	kind  reflect.Type // without the pointer of one that may be missing
	omit  bool         // JSON has no field for one that is missing, instead of null
}

// fieldsOf returns the columns of a struct, those of an embedded one in its place.
func fieldsOf(t reflect.Type) []field {
	var list []field
	for _, f := range reflect.VisibleFields(t) {
		name, option, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || !f.IsExported() || name == "" || name == "-" {
			continue
		}
		kind := f.Type
		if kind.Kind() == reflect.Pointer {
			kind = kind.Elem()
		}
		list = append(list, field{name, f.Index, kind, option == "omitempty"})
	}
	return list
}

// choose returns the fields of these names, in that order.
func choose(fields []field, names []string) ([]field, error) {
	known := make([]string, len(fields))
	for i, f := range fields {
		known[i] = f.name
	}
	var list []field
	for _, name := range names {
		if err := cli.OneOf("columns", name, known...); err != nil {
			return nil, err
		}
		for _, f := range fields {
			if f.name == name {
				list = append(list, f)
			}
		}
	}
	return list, nil
}

// value returns the value of a field in a row; ok is false if it is missing.
func (f field) value(row reflect.Value) (v reflect.Value, ok bool) {
	v = row.FieldByIndex(f.index)
	if v.Kind() == reflect.Pointer {
		return v.Elem(), !v.IsNil()
	}
	return v, v.Kind() != reflect.Slice || !v.IsNil()
}
