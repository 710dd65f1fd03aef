package tell

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

// Executors says who lives, how busy they are, and whether they are of different versions.
func Executors(list []report.Executor) string {
	var alive, silent, busy, workers int
	versions := map[string]int{}
	for _, e := range list {
		switch {
		case e.Alive:
			alive, busy, workers = alive+1, busy+e.Running, workers+e.Workers
			versions[e.Version]++
		case e.StoppedAt == nil && e.ReapedAt == nil:
			silent++
		}
	}
	if alive == 0 {
		return "No executor lives: start one with `tagexec serve`."
	}
	sentence := fmt.Sprintf("%s live, %s of %s busy", listing.Plural(alive, "executor"), listing.Thousands(busy), listing.Plural(workers, "worker"))
	if alive == 1 {
		sentence = fmt.Sprintf("1 executor lives, %s of %s busy", listing.Thousands(busy), listing.Plural(workers, "worker"))
	}
	if silent > 0 {
		sentence += fmt.Sprintf("; nothing is heard of %d", silent)
	}
	if len(versions) > 1 {
		sentence += "; their versions differ: " + strings.Join(byNumber(versions), ", ")
	}
	return sentence + "."
}

// byNumber lists versions, those of the most executors first.
func byNumber(versions map[string]int) []string {
	var names, list []string
	for name := range versions {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if d := versions[b] - versions[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	for _, name := range names {
		list = append(list, fmt.Sprintf("%s on %d", name, versions[name]))
	}
	return list
}
