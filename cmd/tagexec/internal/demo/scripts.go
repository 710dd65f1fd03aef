package demo

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:embed tags/*.sql followups/*.sql
var scriptFiles embed.FS

// A script is one embedded .sql file, the work of one kind of job.
type script struct {
	// Tag is the file's name without .sql.
	Tag string
	// Definition is the first paragraph of the comment on top, without the tag, in one line.
	Definition string
	// Statements each begin with a comment that names the tag, for whoever looks at pg_stat_activity.
	Statements []string
}

// readScripts returns the scripts of a folder in the order of their names.
func readScripts(folder string) ([]script, error) {
	entries, err := fs.ReadDir(scriptFiles, folder)
	if err != nil {
		return nil, fmt.Errorf("list scripts: %w", err)
	}
	scripts := make([]script, 0, len(entries))
	for _, entry := range entries {
		text, err := fs.ReadFile(scriptFiles, path.Join(folder, entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("read script: %w", err)
		}
		s, err := parseScript(strings.TrimSuffix(entry.Name(), ".sql"), string(text))
		if err != nil {
			return nil, fmt.Errorf("parse script %s: %w", entry.Name(), err)
		}
		scripts = append(scripts, s)
	}
	return scripts, nil
}

// parseScript takes a file apart: a comment "-- tag: definition", then statements that each end a line with a
// semicolon. No semicolon ends a line inside a statement, so no SQL parser is needed.
func parseScript(tag, text string) (script, error) {
	comment, body := splitComment(text)
	paragraph, _, _ := strings.Cut(comment, "\n\n")
	definition, ok := strings.CutPrefix(paragraph, tag+": ")
	if !ok {
		return script{}, fmt.Errorf("the comment on top does not begin with %q", tag+": ")
	}

	s := script{Tag: tag, Definition: strings.ReplaceAll(definition, "\n", " ")}
	for statement := range strings.SplitSeq(body, ";\n") {
		if statement = strings.TrimSpace(statement); statement != "" {
			s.Statements = append(s.Statements, "-- demo: "+tag+"\n"+statement)
		}
	}
	if len(s.Statements) == 0 {
		return script{}, errors.New("no statement")
	}
	return s, nil
}

// splitComment cuts the comment lines off the top and takes their markers away.
func splitComment(text string) (comment, rest string) {
	var lines []string
	for strings.HasPrefix(text, "--") {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		lines = append(lines, strings.TrimSpace(strings.TrimPrefix(line, "--")))
	}
	return strings.Join(lines, "\n"), text
}
