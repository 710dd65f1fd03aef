package runner

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/strictjson"
)

// badPayload is the code of every payload that cannot be run anywhere.
const badPayload = "bad_payload"

// object is one JSON object of a payload, read field by field. The first thing
// found wrong is kept in err, after which every read returns nothing: a reader
// checks err once, at the end.
type object struct {
	path   string // where in the payload: "payload", "payload: statements[1]"
	fields map[string]json.RawMessage
	err    error
}

// readObject reads raw as an object that holds no field but the known ones, each
// once. A field that is null counts as left out.
func readObject(path string, raw json.RawMessage, known ...string) *object {
	o := &object{path: path}
	fields, err := strictjson.Object(raw, known...)
	if err != nil {
		o.refuse("%v", err)
		return o
	}
	maps.DeleteFunc(fields, func(_ string, value json.RawMessage) bool { return strictjson.Kind(value) == "null" })
	o.fields = fields
	return o
}

func (o *object) refuse(format string, args ...any) {
	if o.err == nil {
		o.err = executor.Refusef(badPayload, "%s: %s", o.path, fmt.Sprintf(format, args...))
	}
	o.fields = nil
}

func (o *object) has(name string) bool {
	_, ok := o.fields[name]
	return ok
}

// raw returns a field of the wanted kind, nil when it is left out.
func (o *object) raw(name, kind string) json.RawMessage {
	v, ok := o.fields[name]
	if !ok {
		return nil
	}
	if k := strictjson.Kind(v); k != kind {
		o.refuse("%s must be %s, not %s", name, kind, k)
		return nil
	}
	return v
}

// text returns a string field, "" when it is left out.
func (o *object) text(name string) string { return strictjson.Text(o.raw(name, "a string")) }

// boolean returns a field that is true or false, false when it is left out.
func (o *object) boolean(name string) bool { return string(o.raw(name, "a boolean")) == "true" }

// list returns the elements of an array field.
func (o *object) list(name string) []json.RawMessage {
	return strictjson.Elements(o.raw(name, "an array"))
}

// members returns the members of an object field.
func (o *object) members(name string) map[string]json.RawMessage {
	return strictjson.Members(o.raw(name, "an object"))
}

// texts returns an array field whose elements all are strings.
func (o *object) texts(name string) []string {
	var out []string
	for i, v := range o.list(name) {
		if k := strictjson.Kind(v); k != "a string" {
			o.refuse("%s[%d] must be a string, not %s", name, i, k)
			return nil
		}
		out = append(out, strictjson.Text(v))
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
