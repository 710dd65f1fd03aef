package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/tagexec/tagexec/"

// below lists, for each package under the commands, the packages of ours that
// it may import.
var below = map[string][]string{
	"store/postgres":             {},
	"store":                      {"store/postgres"},
	"migrations":                 {"store/postgres"},
	"executor/runner/strictjson": {},
	"executor/runner/shield":     {},
	"store/devpg":                {},
	"store/doctor":               {"store", "store/postgres"},
	"store/estimate":             {},
	"store/report":               {"store", "store/postgres", "store/estimate"},
	"store/operate":              {"store/postgres", "store/report"},
	"store/storetest":            {"store", "store/doctor", "store/devpg", "migrations"},
	"executor":                   {"store"},
	"executor/runner/words":      {},
	"executor/runner/sql":        {"executor", "executor/runner/words", "store/postgres"},
	"executor/runner": {"store", "store/postgres", "executor", "executor/runner/strictjson", "executor/runner/shield", "executor/runner/words",
		"executor/runner/sql", "executor/runner/sql/clickhouse", "executor/runner/sql/duckdb", "executor/runner/sql/hive", "executor/runner/sql/mysql", "executor/runner/sql/postgres", "executor/runner/sql/trino"},
}

// anEngine is what the packages of engines may import, which know nothing of each other
// and of the runner. Those that test them may import what tests do.
var anEngine = []string{"store/postgres", "executor", "executor/runner/sql", "executor/runner/sql/overhttp", "executor/runner/sql/standard", "executor/runner/strictjson", "executor/runner/words"}

const (
	engines    = "executor/runner/sql/"
	engineTest = "executor/runner/sql/enginetest"
)

// Imports point down: commands and examples, then runner, executor, store, pgx.
// Test files may import anything.
func TestImportsPointDown(t *testing.T) {
	seen := map[string]bool{}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != root {
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil || strings.HasPrefix(entry.Name(), ".") {
				return filepath.SkipDir // another module, or none of ours
			}
		}
		if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		seen[filepath.ToSlash(dir)] = true
		checkImports(t, filepath.ToSlash(dir), path, file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir := range below {
		if !seen[dir] {
			t.Errorf("there is no package %s any more", dir)
		}
	}
}

func checkImports(t *testing.T, dir, path string, file *ast.File) {
	allowed, isBelow := below[dir]
	if strings.HasPrefix(dir, engines) && !strings.HasPrefix(dir, engineTest) {
		allowed, isBelow = anEngine, true
	}
	if !isBelow && !strings.HasPrefix(dir, engineTest) && !strings.HasPrefix(dir, "cmd/") && dir != "examples" && !strings.HasPrefix(dir, "examples/") {
		t.Errorf("package %s has no place among the layers: give it one here", dir)
	}
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		ours, isOurs := strings.CutPrefix(imported, module)
		switch {
		case isBelow && isOurs && !slices.Contains(allowed, ours),
			dir == "executor" && (strings.HasPrefix(imported, "github.com/jackc/") || strings.HasPrefix(imported, "github.com/prometheus/")),
			dir != "migrations" && strings.HasPrefix(imported, "github.com/pressly/goose"):
			t.Errorf("%s may not import %s", path, imported)
		}
	}
	if dir != "executor" {
		return
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && slices.Contains([]string{"Getenv", "LookupEnv", "Environ"}, s.Sel.Name) {
			t.Errorf("%s reads the environment: its settings come in its Config", path)
		}
		return true
	})
}

// What somebody left there by mistake, everybody would see first.
func TestTheTopLevelHoldsNothingElse(t *testing.T) {
	stated := strings.Fields("cmd examples executor migrations store Dockerfile LICENSE README.md docker-compose.yml go.mod go.sum")
	entries, err := os.ReadDir(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if name := entry.Name(); !strings.HasPrefix(name, ".") && !slices.Contains(stated, name) {
			t.Errorf("%s: the top level holds %s", name, strings.Join(stated, " "))
		}
	}
}
