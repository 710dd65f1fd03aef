package migrations_test

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store/storetest"
)

// created finds what a file creates that is code.
var created = regexp.MustCompile(`(?im)^\s*CREATE\s+(OR\s+REPLACE\s+)?(?:CONSTRAINT\s+)?(FUNCTION|PROCEDURE|VIEW|TRIGGER)\s+([\w.]+)([^;]*?\sON\s+([\w.]+))?`)

// definitions returns the files that create each function, view and trigger.
func definitions(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for path, file := range copied(t) {
		for _, m := range created.FindAllStringSubmatch(string(file.Data), -1) {
			object := strings.ToLower(m[2]) + " " + m[3]
			if object = strings.Replace(object, "procedure ", "function ", 1); strings.HasPrefix(object, "trigger ") {
				object += " on " + m[5]
			}
			if m[1] == "" {
				t.Errorf("%s: %s is created without OR REPLACE", path, object)
			}
			found[object] = append(found[object], path)
		}
	}
	return found
}

// So a change of one word is a change of one line, and git shows the history of
// each function.
func TestEachFunctionViewAndTriggerIsDefinedOnceInCode(t *testing.T) {
	t.Parallel()
	found := definitions(t)
	for object, paths := range found {
		if len(paths) != 1 || !strings.HasPrefix(paths[0], "code/") {
			t.Errorf("%s is defined in %q", object, paths)
		}
	}
	db := storetest.New(t)
	installed := storetest.All[string](db, `
SELECT format('function %s.%s', pronamespace::regnamespace, proname) FROM pg_proc WHERE pronamespace IN ('tagexec'::regnamespace, 'tagreport'::regnamespace)
UNION ALL
SELECT format('view %s', oid::regclass) FROM pg_class WHERE relkind = 'v' AND relnamespace IN ('tagexec'::regnamespace, 'tagreport'::regnamespace)
UNION ALL
SELECT format('trigger %s on %s', tgname, tgrelid::regclass) FROM pg_trigger WHERE NOT tgisinternal`)
	for _, object := range installed {
		if found[object] == nil {
			t.Errorf("no file defines %s", object)
		}
	}
	if len(installed) != len(found) {
		t.Errorf("%d objects are installed, %d are defined", len(installed), len(found))
	}
}

// A number tells where a file stands; two with one number would stand anywhere.
func TestFilesHaveNumbersOfTheirOwn(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, pattern := range []string{"*.sql", "code/*.sql"} {
		names, err := fs.Glob(migrations.Files, pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			number, _, _ := strings.Cut(name, "_")
			if other := seen[number]; other != "" {
				t.Errorf("%s and %s have the same number", other, name)
			}
			seen[number] = name
		}
	}
}

// Views wait for their readers; the queue must not be locked meanwhile.
func TestTriggersAreInstalledAfterViews(t *testing.T) {
	t.Parallel()
	var lastView, firstTrigger string
	for object, paths := range definitions(t) {
		switch {
		case strings.HasPrefix(object, "view tagreport.") && paths[0] > lastView:
			lastView = paths[0]
		case strings.HasPrefix(object, "trigger ") && (firstTrigger == "" || paths[0] < firstTrigger):
			firstTrigger = paths[0]
		}
	}
	if lastView == "" || firstTrigger < lastView {
		t.Errorf("%s comes before %s", firstTrigger, lastView)
	}
}
