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
		" , ":                     nil,
		"a pool with blanks, and": {"a pool with blanks", "and"},
	} {
		var got List
		if err := got.Decode(value); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q is %q, %v, want %q", value, got, err, want)
		}
	}
}
