package page

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/tagexec/tagexec/store/report"
)

// actionLine is an action, or several that are parts of one.
type actionLine struct {
	report.Action     // the latest of them
	Parts         int // how many they are
	Jobs          int // that they were done to, where they were done to several
	Examples      []int64
	Changes       []change
	More          int // changes that are not shown
}

// change is a field that an action changed.
type change struct{ Field, Before, After string }

// Bounds of what a line shows.
const (
	examplesMost = 3
	changesMost  = 6
	valueMost    = 60 // characters
)

// actionLines makes up to most lines of actions, those of one bulk one. rest is the number
// of the first action that found no place; 0: all have one.
func actionLines(list []report.Action, most int) (lines []actionLine, rest int64) {
	bulks := map[string]int{}
	for _, a := range list {
		i, known := -1, false
		if a.BulkID != nil {
			i, known = bulks[*a.BulkID]
		}
		if !known {
			if len(lines) == most {
				return lines, a.ID
			}
			lines = append(lines, actionLine{Action: a})
			if i = len(lines) - 1; a.BulkID != nil {
				bulks[*a.BulkID] = i
			}
			lines[i].Changes, lines[i].More = changes(a.Before, a.After)
		}
		line := &lines[i]
		line.Parts++
		line.Jobs += len(a.JobIDs)
		line.Examples = append(line.Examples, a.JobIDs[:min(len(a.JobIDs), examplesMost-len(line.Examples))]...)
	}
	return lines, 0
}

// Who did it: the user of the page or program, as the login states it, and the login.
func (l actionLine) Who() string {
	if l.UIUser != nil && *l.UIUser != "" {
		return *l.UIUser + " (" + l.By + ")"
	}
	return l.By
}

// What was done, as it is called.
func (l actionLine) What() string { return strings.ReplaceAll(l.Action.Action, "_", " ") }

// OtherJobs is how many jobs it was done to beside the examples.
func (l actionLine) OtherJobs() int { return l.Jobs - len(l.Examples) }

// changes are the fields in which two objects differ, up to a number of them.
func changes(before, after json.RawMessage) (list []change, more int) {
	old, now := fields(before), fields(after)
	names := slices.Sorted(maps.Keys(old))
	for name := range now {
		if _, known := old[name]; !known {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		was, is := old[name], now[name]
		if bytes.Equal(was, is) {
			continue
		}
		if len(list) == changesMost {
			more++
			continue
		}
		list = append(list, change{name, cut(was), cut(is)})
	}
	return list, more
}

// fields are those of an object; none of anything else.
func fields(text json.RawMessage) map[string]json.RawMessage {
	object := map[string]json.RawMessage{}
	if json.Unmarshal(text, &object) != nil || object == nil {
		return map[string]json.RawMessage{}
	}
	return object
}

// cut is the beginning of a value.
func cut(value json.RawMessage) string {
	if runes := []rune(string(value)); len(runes) > valueMost {
		return string(runes[:valueMost]) + "…"
	}
	return string(value)
}
