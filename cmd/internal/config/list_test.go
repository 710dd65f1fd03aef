package config

import (
	"slices"
	"testing"
)

func TestListsMayHaveBlanksAndSpareCommas(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]List{
		"default, warehouse":      {"default", "warehouse"},
		" PATH ,\n\tHOME ":        {"PATH", "HOME"},
		"a,,b,":                   {"a", "b"},
		"a pool with blanks, and": {"a pool with blanks", "and"},
	} {
		var got List
		if err := got.Decode(value); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q is %q, %v, want %q", value, got, err, want)
		}
	}
}

// An empty list means all, so what was to be filled in and was not must not be one.
func TestAListOfNothingIsRefused(t *testing.T) {
	t.Parallel()
	for _, value := range []string{",", " , ", "\n", ",,,"} {
		var got List
		if err := got.Decode(value); err == nil {
			t.Errorf("%q is %q", value, got)
		}
	}
}
