package demo

import (
	"slices"
	"testing"
)

func TestParseScriptTakesAFileApart(t *testing.T) {
	t.Parallel()
	got, err := parseScript("vip", "-- vip: spent much;\n-- the value is dollars.\n--\n-- Source: none.\nDELETE a;\n\nINSERT b;\n")
	if err != nil {
		t.Fatal(err)
	}
	if want := "spent much; the value is dollars."; got.Definition != want {
		t.Errorf("definition is %q, want %q", got.Definition, want)
	}
	if want := []string{"-- demo: vip\nDELETE a", "-- demo: vip\nINSERT b"}; !slices.Equal(got.Statements, want) {
		t.Errorf("statements are %q, want %q", got.Statements, want)
	}

	for _, text := range []string{"DELETE a;\n", "-- other: x\nDELETE a;\n", "-- vip: only a comment\n"} {
		if _, err := parseScript("vip", text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestEachTagDeletesThenInserts(t *testing.T) {
	t.Parallel()
	tags, err := readScripts("tags")
	if err != nil {
		t.Fatal(err)
	}
	if len(tags) != 13 {
		t.Errorf("%d tags, want 13", len(tags))
	}
	for _, tag := range tags {
		want := "-- demo: " + tag.Tag + "\nDELETE FROM demo.user_tags\nWHERE tag = '" + tag.Tag + "'\n  AND biz_date = $1::date"
		if len(tag.Statements) != 2 || tag.Statements[0] != want {
			t.Errorf("%s: statements are %q", tag.Tag, tag.Statements)
		}
		t.Logf("%s: %s", tag.Tag, tag.Definition)
	}
}
