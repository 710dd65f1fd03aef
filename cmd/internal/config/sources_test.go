package config

import (
	"strings"
	"testing"
)

func TestSourcesAreNamesAndURLs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		value string
		want  Sources
	}{
		"one":                       {"a=postgres://h/d", Sources{"a": "postgres://h/d"}},
		"separated by spaces":       {" a=postgres://h/d\n b=postgres://h/e ", Sources{"a": "postgres://h/d", "b": "postgres://h/e"}},
		"separated by commas":       {"a=postgres://h/d,b=postgres://h/e", Sources{"a": "postgres://h/d", "b": "postgres://h/e"}},
		"a URL with several hosts":  {"a=postgres://h1:1,h2:2/d?x=y,b=postgres://h/e", Sources{"a": "postgres://h1:1,h2:2/d?x=y", "b": "postgres://h/e"}},
		"a password with an equals": {"a=postgres://u:p=q@h/d", Sources{"a": "postgres://u:p=q@h/d"}},
		"nothing":                   {"", Sources{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got Sources
			if err := got.Decode(c.value); err != nil {
				t.Fatal(err)
			}
			if len(got) != len(c.want) {
				t.Fatalf("got %v, want %v", got, c.want)
			}
			for k, v := range c.want {
				if got[k] != v {
					t.Errorf("source %s is %q, want %q", k, got[k], v)
				}
			}
		})
	}
	for name, value := range map[string]string{
		"no name": "postgres://u:hidden@h/d", "twice": "a=postgres://u:hidden@h/d a=postgres://h/d", "a bad name": "a b=postgres://u:hidden@h/d",
	} {
		t.Run(name+" is refused without showing a password", func(t *testing.T) {
			t.Parallel()
			var got Sources
			if err := got.Decode(value); err == nil || strings.Contains(err.Error(), "hidden") {
				t.Errorf("error is %v", err)
			}
		})
	}
}
