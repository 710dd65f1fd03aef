// Package strictjson reads JSON objects that people wrote, and says in words what
// is wrong with them.
package strictjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Object returns the fields of a JSON object. It refuses a field that is not
// among the known ones, and one that is there twice. encoding/json alone would
// not do: it takes "Tag" for "tag", the last of two equal fields, and its errors
// speak of Go types.
func Object(raw []byte, known ...string) (map[string]json.RawMessage, error) {
	if err := json.Unmarshal(raw, new(json.RawMessage)); err != nil {
		return nil, fmt.Errorf("must be a JSON object; this is not valid JSON: %w", err)
	}
	if kind := Kind(raw); kind != "an object" {
		return nil, fmt.Errorf("must be a JSON object, not %s", kind)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	_, _ = decoder.Token() // the brace; valid JSON has no errors from here on
	fields := map[string]json.RawMessage{}
	for decoder.More() {
		token, _ := decoder.Token()
		name := token.(string)
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("unknown field %s (known: %s)", quote(name), strings.Join(known, ", "))
		}
		if _, twice := fields[name]; twice {
			return nil, fmt.Errorf("field %s is there twice", quote(name))
		}
		var value json.RawMessage
		_ = decoder.Decode(&value)
		fields[name] = value
	}
	return fields, nil
}

// Kind names the kind of a valid JSON value with its article.
func Kind(raw []byte) string {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	if len(raw) == 0 {
		return "nothing"
	}
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// quote keeps a name short: it may be as long as the text it stands in.
func quote(name string) string {
	const most = 80
	if len(name) > most {
		name = strings.ToValidUTF8(name[:most], "") + "…" // without the rune that was cut
	}
	return fmt.Sprintf("%q", name)
}

// Text, Elements and Members read a value of which Kind has said that it fits; they
// return nothing for nil.
func Text(raw json.RawMessage) (s string) {
	_ = json.Unmarshal(raw, &s) // valid and a string: cannot fail
	return s
}

// Elements returns the elements of an array.
func Elements(raw json.RawMessage) (list []json.RawMessage) {
	_ = json.Unmarshal(raw, &list)
	return list
}

// Members returns the members of an object.
func Members(raw json.RawMessage) (m map[string]json.RawMessage) {
	_ = json.Unmarshal(raw, &m)
	return m
}

// OfText makes a JSON string of a text.
func OfText(s string) json.RawMessage {
	text, _ := json.Marshal(s) // a string: cannot fail
	return text
}
