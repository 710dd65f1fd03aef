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
	leastCell = 8 // what a column keeps when a line is cut to the terminal
)

// table prints rows in columns, a page at a time: a later page may widen them.
type table struct {
	look   *Look
	fields []field
	key    string // the column that is never cut: people copy it
	header bool

	natural []int // how wide the columns are
	widths  []int // what the terminal leaves of that
}

func (t *table) page(rows []reflect.Value) {
	if len(rows) == 0 {
		return
	}
	first := t.natural == nil
	if first {
		t.leaveOut(rows)
	}
	lines := t.cells(rows)
	head := make([]string, len(t.fields))
	if first && t.header {
		for j, f := range t.fields {
			head[j] = title(f, t.look)
		}
	}
	t.natural = widest(append(slices.Clone(lines), head), t.natural)
	t.widths = fit(slices.Clone(t.natural), t.mayShrink(), t.look.width)
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

func (t *table) cells(rows []reflect.Value) [][]string {
	lines := make([][]string, len(rows))
	for i, row := range rows {
		lines[i] = make([]string, len(t.fields))
		for j, f := range t.fields {
			lines[i][j] = t.look.shown(f, row)
		}
	}
	return lines
}

// leaveOut leaves out columns of which not even a part fits the terminal: those in which
// no row has anything, and then the last.
func (t *table) leaveOut(rows []reflect.Value) {
	if t.look.width == 0 {
		return
	}
	if t.least(rows) > t.look.width {
		t.fields = slices.DeleteFunc(slices.Clone(t.fields), func(f field) bool {
			return !slices.ContainsFunc(rows, func(row reflect.Value) bool { return t.look.shown(f, row) != nothing })
		})
	}
	for len(t.fields) > 1 && t.least(rows) > t.look.width {
		t.fields = t.fields[:len(t.fields)-1]
	}
}

// least is how wide a line is at least, with its text cut.
func (t *table) least(rows []reflect.Value) int {
	least := gap * (len(t.fields) - 1)
	may := t.mayShrink()
	for j, w := range widest(t.cells(rows), nil) {
		if w = max(w, text.StringWidth(title(t.fields[j], t.look))); may[j] {
			w = min(w, leastCell)
		}
		least += w
	}
	return least
}

// mayShrink tells the columns that hold text: what is left of a number means another.
func (t *table) mayShrink() []bool {
	may := make([]bool, len(t.fields))
	for j, f := range t.fields {
		kind := f.kind.Kind()
		may[j] = f.name != t.key && (kind == reflect.String || kind == reflect.Slice)
	}
	return may
}

// title is what people read above a column, briefly; of a time with its zone.
func title(f field, look *Look) string {
	name := strings.TrimSuffix(strings.TrimSuffix(f.name, "_seconds"), "_at")
	for _, long := range []string{"queue_", "last_", "error_", "_job_id", "output_"} {
		name = strings.ReplaceAll(name, long, "")
	}
	name = strings.ToUpper(strings.ReplaceAll(name, "_", " "))
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

// fit takes from the widest columns that may shrink until a line fits; 0 is room for all.
func fit(widths []int, may []bool, room int) []int {
	if room == 0 {
		return widths
	}
	over := gap*(len(widths)-1) - room
	for _, w := range widths {
		over += w
	}
	for ; over > 0; over-- {
		widest := -1
		for j, w := range widths {
			if may[j] && w > leastCell && (widest < 0 || w > widths[widest]) {
				widest = j
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
	}
	return widths
}
