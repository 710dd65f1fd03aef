package runner

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/tagexec/tagexec/executor/runner/sql"
	"github.com/tagexec/tagexec/executor/runner/strictjson"
)

// hideArguments puts $1 in the place of the first argument's value, and so on, and
// {name} in that of a named one, wherever a message holds it: a procedure may quote
// what it was given. What stands in the statement itself is no value.
func hideArguments(message string, st sql.Statement) string {
	type value struct{ text, name string }
	var values []value
	hide := func(name string, of json.RawMessage) {
		for _, text := range scalars(of) {
			if len(text) >= shortest && !strings.Contains(st.Text, text) {
				values = append(values, value{text, name})
			}
		}
	}
	for i, arg := range st.Args {
		hide("$"+strconv.Itoa(i+1), arg)
	}
	for _, name := range sortedKeys(st.Params) {
		hide("{"+name+"}", st.Params[name])
	}
	slices.SortStableFunc(values, func(a, b value) int { return len(b.text) - len(a.text) }) // one may be a part of another
	for _, v := range values {
		message = strings.ReplaceAll(message, v.text, v.name)
	}
	return message
}

// scalars returns the strings and numbers in a JSON value.
func scalars(raw json.RawMessage) (list []string) {
	switch strictjson.Kind(raw) {
	case "a string":
		return []string{strictjson.Text(raw)}
	case "a number":
		return []string{strings.TrimSpace(string(raw))}
	case "an array":
		for _, element := range strictjson.Elements(raw) {
			list = append(list, scalars(element)...)
		}
	case "an object":
		for _, member := range strictjson.Members(raw) {
			list = append(list, scalars(member)...)
		}
	}
	return list
}
