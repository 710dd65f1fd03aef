package strictjson_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/executor/runner/strictjson"
)

func TestObjectRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"nothing":                 {"", "not valid JSON"},
		"half an object":          {`{"tag": 1`, "not valid JSON: unexpected end of JSON input"},
		"two values":              {`{} {}`, "not valid JSON"},
		"a list":                  {` [{"tag": 1}]`, "must be a JSON object, not an array"},
		"null":                    {`null`, "must be a JSON object, not null"},
		"an unknown field":        {`{"tag": 1, "prio": 2}`, `unknown field "prio" (known: tag, kind)`},
		"a field in another case": {`{"TAG": 1}`, `unknown field "TAG"`},
		"a field twice":           {`{"tag": 1, "kind": {"tag": 2}, "tag": 1}`, `field "tag" is there twice`},
		"a field twice, escaped":  {`{"tag": 1, "\u0074ag": 2}`, `field "tag" is there twice`},
		"a long name":             {`{"` + strings.Repeat("é", 50) + `": 1}`, `unknown field "` + strings.Repeat("é", 40) + `…"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fields, err := strictjson.Object([]byte(c.text), "tag", "kind")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("fields %v, error %v, want %s", fields, err, c.want)
			}
		})
	}
}

func FuzzObject(f *testing.F) {
	for _, seed := range []string{`{"a": 1}`, `{"a": null, "b": {"a": [1, "x"]}}`, `{"a": 1, "a": 2}`, "{", "[]", "", " {} ", `{"\u0061": "\ud800"}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fields, err := strictjson.Object([]byte(text), "a", "b")
		if err != nil {
			return
		}
		var want map[string]any
		if err := json.Unmarshal([]byte(text), &want); err != nil || len(want) != len(fields) {
			t.Fatalf("%q became %v, encoding/json has %v, error %v", text, fields, want, err)
		}
		for _, name := range slices.Collect(maps.Keys(fields)) {
			if !json.Valid(fields[name]) {
				t.Fatalf("field %s of %q is %q", name, text, fields[name])
			}
		}
	})
}
