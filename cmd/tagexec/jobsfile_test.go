package main

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// Whatever a file holds: it is refused as the user's mistake, or it becomes an
// array with one JSON object per job, each with its line.
func FuzzReadJobs(f *testing.F) {
	for _, seed := range []string{
		`{"tag": "a"}`, "{\"tag\": \"a\"}\n\n{\"tag\": \"b\", \"payload\": {\"x\": [1, null]}}", "tag,payload\na,\"{}\"\n", "\ufefftag\na\n",
		"", " \n", "[", "tag", "tag,tag\n", "a,b\n1", `{"tag": "\u0000"}`, "{\"tag\": \"\xff\"}", `{"tag":"a"} {"tag":"b"}`, "tag,slots\na,1e400\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := readJobs("-", strings.NewReader(text))
		if err != nil {
			var refused *exitError
			if !errors.As(err, &refused) || refused.code != exitUsage {
				t.Fatalf("%q is refused with %v", text, err)
			}
			return
		}
		var jobs []map[string]any
		if err := json.Unmarshal(file.jobs, &jobs); err != nil {
			t.Fatalf("%q became %s: %v", text, file.jobs, err)
		}
		if len(jobs) != file.count || len(jobs) != len(file.lines) {
			t.Fatalf("%d jobs, count %d, %d lines", len(jobs), file.count, len(file.lines))
		}
		for i, job := range jobs {
			if tag, _ := job["tag"].(string); tag == "" {
				t.Fatalf("job %d of %q has no tag", i, text)
			}
		}
	})
}

func TestSourcesAreNamesAndURLs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		value string
		want  sources
	}{
		"one":                       {"a=postgres://h/d", sources{"a": "postgres://h/d"}},
		"separated by spaces":       {" a=postgres://h/d\n b=postgres://h/e ", sources{"a": "postgres://h/d", "b": "postgres://h/e"}},
		"separated by commas":       {"a=postgres://h/d,b=postgres://h/e", sources{"a": "postgres://h/d", "b": "postgres://h/e"}},
		"a URL with several hosts":  {"a=postgres://h1:1,h2:2/d?x=y,b=postgres://h/e", sources{"a": "postgres://h1:1,h2:2/d?x=y", "b": "postgres://h/e"}},
		"a password with an equals": {"a=postgres://u:p=q@h/d", sources{"a": "postgres://u:p=q@h/d"}},
		"nothing":                   {"", sources{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got sources
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
			var got sources
			if err := got.Decode(value); err == nil || strings.Contains(err.Error(), "hidden") {
				t.Errorf("error is %v", err)
			}
		})
	}
}
