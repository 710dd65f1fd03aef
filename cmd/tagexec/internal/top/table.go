package top

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tagexec/tagexec/cmd/internal/cli"
)

// kind is what a row stands for.
type kind int

const (
	aJob kind = iota
	aPool
	anExecutor
	aBatch
)

// target is what a row stands for, and what a key acts on.
type target struct {
	kind   kind
	id     int64  // of a job
	name   string // of what is none
	paused bool   // a pool that is
}

// row is a line of a table.
type row struct {
	target
	cells []string
	loud  bool      // it wants attention
	sort  []float64 // for each order beside the first
}

// table is what a tab shows.
type table struct {
	columns []string
	right   map[int]bool // columns of numbers
	orders  []string     // names of the orders; the first is that of the rows
	rows    []row
	empty   string // said where there are no rows
}

// arranged returns the rows that hold a text in any case, in the given order.
func (t table) arranged(filter string, order int) []row {
	filter = strings.ToLower(filter)
	var list []row
	for _, r := range t.rows {
		if filter == "" || strings.Contains(strings.ToLower(strings.Join(r.cells, " ")), filter) {
			list = append(list, r)
		}
	}
	if order > 0 {
		slices.SortStableFunc(list, func(a, b row) int { return cmp.Compare(b.sort[order-1], a.sort[order-1]) })
	}
	return list
}

// text is a text of a job that may be missing, in one line.
func text(s *string) string {
	if s == nil || *s == "" {
		return "-"
	}
	return cli.Printable(*s)
}

// seconds is a number that may be missing.
func seconds(s *float64) float64 {
	if s == nil {
		return 0
	}
	return *s
}
