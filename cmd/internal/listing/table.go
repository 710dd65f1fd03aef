package listing

import (
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
)

const (
	gap       = 2 // between columns
	leastCell = 6 // what a column keeps when a line is cut to the terminal
)

// table prints rows in columns, a page at a time: a later page may widen them.
type table struct {
	look   *Look
	fields []field
	header bool

	natural []int // how wide the columns are
	widths  []int // what the terminal leaves of that
}

func (t *table) page(rows []reflect.Value) {
	if len(rows) == 0 {
		return
	}
	lines := make([][]string, len(rows))
	for i, row := range rows {
		lines[i] = make([]string, len(t.fields))
		for j, f := range t.fields {
			lines[i][j] = t.look.shown(f, row)
		}
	}
	first := t.natural == nil
	head := make([]string, len(t.fields))
	if first && t.header {
		for j, f := range t.fields {
			head[j] = title(f, t.look)
		}
	}
	t.natural = widest(append(slices.Clone(lines), head), t.natural)
	t.widths = fit(slices.Clone(t.natural), t.look.width)
	var b strings.Builder
	if first && t.header {
		b.WriteString(t.look.in(dim, t.line(head)))
		b.WriteByte('\n')
	}
	for _, line := range lines {
		b.WriteString(t.line(line))
		b.WriteByte('\n')
	}
	_, _ = io.WriteString(t.look.out, b.String()) // an output of ours never fails
}

// title is what people read above a column; of a time with its zone.
func title(f field, look *Look) string {
	name := strings.ToUpper(strings.ReplaceAll(strings.TrimSuffix(strings.TrimSuffix(f.name, "_seconds"), "_at"), "_", " "))
	if f.kind == reflect.TypeFor[time.Time]() {
		name += " " + look.now.In(look.Zone).Format("MST")
	}
	return name
}

// line returns a line of cells.
func (t *table) line(cells []string) string {
	var b strings.Builder
	for j, cell := range cells {
		word := cell
		if text.StringWidth(cell) > t.widths[j] {
			cell = text.Snip(cell, t.widths[j], "…")
		}
		fill := strings.Repeat(" ", max(0, t.widths[j]-text.StringWidth(cell)))
		cell = t.look.paint(word, cell)
		switch {
		case isNumber(t.fields[j].kind.Kind()):
			cell = fill + cell
		case j < len(cells)-1:
			cell += fill
		}
		if j > 0 {
			b.WriteString(strings.Repeat(" ", gap))
		}
		b.WriteString(cell)
	}
	return strings.TrimRight(b.String(), " ")
}

func isNumber(k reflect.Kind) bool {
	return k >= reflect.Int && k <= reflect.Float64
}

// widest returns how wide columns must be for these lines, and for those before.
func widest(lines [][]string, before []int) []int {
	widths := make([]int, len(lines[0]))
	copy(widths, before)
	for _, line := range lines {
		for j, cell := range line {
			widths[j] = max(widths[j], text.StringWidth(cell))
		}
	}
	return widths
}

// fit takes from the widest columns until a line fits; 0 is room for all.
func fit(widths []int, room int) []int {
	if room == 0 {
		return widths
	}
	over := gap*(len(widths)-1) - room
	for _, w := range widths {
		over += w
	}
	for ; over > 0; over-- {
		j := slices.Index(widths, slices.Max(widths))
		if widths[j] <= leastCell {
			break
		}
		widths[j]--
	}
	return widths
}
