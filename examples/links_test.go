package examples_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	// What GitHub leaves out of the anchor of a heading.
	unanchored = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// pages returns the Markdown files of the repository.
func pages(t *testing.T) (files []string) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && path != ".." && strings.HasPrefix(entry.Name(), ".") {
			return filepath.SkipDir
		}
		if filepath.Ext(path) == ".md" {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) < 7 {
		t.Fatalf("%q, %v", files, err)
	}
	return files
}

// links returns where a page leads to, without what is on another server.
func links(t *testing.T, page string) (targets []string) {
	t.Helper()
	for _, m := range link.FindAllStringSubmatch(read(t, page), -1) {
		if !strings.Contains(m[1], "://") {
			targets = append(targets, m[1])
		}
	}
	return targets
}

// anchors returns the headings of a page as links name them.
func anchors(t *testing.T, page string) (names []string) {
	t.Helper()
	for _, m := range heading.FindAllStringSubmatch(read(t, page), -1) {
		names = append(names, strings.ReplaceAll(unanchored.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return names
}

func TestLinksLeadToWhatExists(t *testing.T) {
	t.Parallel()
	for _, page := range pages(t) {
		for _, target := range links(t, page) {
			name, anchor, _ := strings.Cut(target, "#")
			file := page
			if name != "" {
				file = filepath.Join(filepath.Dir(page), name)
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s links to %s, which does not exist", page, target)
			} else if anchor != "" && !slices.Contains(anchors(t, file), anchor) {
				t.Errorf("%s links to %s, which is no heading there", page, target)
			}
		}
	}
}

func TestReadmeIsShortAndLinksOnce(t *testing.T) {
	t.Parallel()
	const most = 232
	if lines := strings.Count(read(t, "../README.md"), "\n"); lines > most {
		t.Errorf("README.md has %d lines, and may have %d", lines, most)
	}
	seen := map[string]bool{}
	for _, target := range links(t, "../README.md") {
		if seen[target] {
			t.Errorf("README.md links to %s twice", target)
		}
		seen[target] = true
	}
}
