package listing

import (
	"io"
	"reflect"
	"time"
)

// Stream returns a list for a program that reads all columns, as CSV or JSON.
func Stream[T any](out io.Writer, format string, zone *time.Location) *List[T] {
	return &List[T]{Look: &Look{Zone: zone, out: out}, out: out, format: format, header: true, fields: fieldsOf(reflect.TypeFor[T]())}
}
