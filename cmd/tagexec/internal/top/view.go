package top

import (
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// Codes of what a terminal obeys; without colours nothing of it is written.
const (
	reset   = "\x1b[0m"
	bold    = "\x1b[1m"
	dim     = "\x1b[2m"
	inverse = "\x1b[7m"
	red     = "\x1b[31m"
	yellow  = "\x1b[33m"
)

// paint writes a text in a style.
func (s *screen) paint(style, text string) string {
	if !s.colour {
		return text
	}
	return style + text + reset
}

// draw is all of the screen: as many lines as there are, none wider than there is room.
func (s *screen) draw() string {
	lines := s.head()
	room := max(1, s.height-len(lines)-1)
	switch {
	case s.help:
		lines = append(lines, helpText...)
	case s.detail != nil:
		lines = append(lines, s.detail.lines(s, room)...)
	default:
		lines = append(lines, s.body(room)...)
	}
	for len(lines) < s.height-1 {
		lines = append(lines, "")
	}
	lines = append(lines[:max(0, s.height-1)], s.foot())
	for i, line := range lines {
		lines[i] = ansi.Truncate(line, s.width, "…")
	}
	return strings.Join(lines, "\n")
}

// head says how the queue is, and which tab is shown.
func (s *screen) head() []string {
	state, sentence, attention := s.shown.at.In(s.look.Zone).Format("15:04:05"), "", ""
	if s.loading() {
		state, sentence = time.Now().In(s.look.Zone).Format("15:04:05"), "Loading: the database has not answered yet."
	} else {
		sentence, attention = s.shown.sentence(), s.shown.attention()
	}
	switch {
	case s.frozen:
		state += " frozen"
	case s.shown.err != nil:
		state += " " + s.paint(red, "stale")
	}
	if strings.HasPrefix(attention, "!") {
		attention = s.paint(yellow, attention)
	}
	var names []string
	for i, t := range tabs {
		name := fmt.Sprintf("%d %s", i+1, t.name)
		if i == s.tab {
			name = s.paint(bold, "["+name+"]")
		} else {
			name = " " + name + " "
		}
		names = append(names, name)
	}
	tabLine := strings.Join(names, " ")
	if t := s.table(); len(t.orders) > 1 {
		tabLine += s.paint(dim, "   by "+t.orders[s.order])
	}
	if s.filter != "" || s.typing == filterText {
		tabLine += "   /" + s.filter
	}
	return []string{s.paint(dim, state) + "  " + s.paint(bold, sentence), attention, tabLine}
}

// body is the table, as much of it as fits, with the chosen row in sight.
func (s *screen) body(room int) []string {
	t, rows := s.table(), s.rows()
	if s.loading() {
		return nil
	}
	if len(rows) == 0 {
		if s.filter != "" {
			return []string{"", "Nothing here has " + s.filter + " in it. Esc shows all."}
		}
		return []string{"", t.empty}
	}
	widths := t.widths(rows, s.width)
	lines := []string{s.paint(dim, t.line(t.columns, widths))}
	first := min(max(0, s.cursor-(room-2)), max(0, len(rows)-1))
	for i := first; i < len(rows) && len(lines) < room; i++ {
		line := t.line(rows[i].cells, widths)
		switch {
		case i == s.cursor:
			line = s.paint(inverse, line)
		case rows[i].loud:
			line = s.paint(yellow, line)
		}
		lines = append(lines, line)
	}
	return lines
}

// foot is what is asked, what was done, or the keys.
func (s *screen) foot() string {
	switch {
	case s.typing == reasonText:
		return s.paint(bold, s.deed.question) + " Reason, Enter to do it, Esc not to: " + s.reason
	case s.note != "":
		return s.note
	case s.shown.err != nil:
		return s.paint(red, s.shown.err.Error())
	}
	return s.paint(dim, "1-5 tab  / filter  s sort  Enter detail  c cancel  r retry  p pause  d drain  ? more  q quit")
}

var helpText = []string{
	"",
	"1 to 5, Tab    tab",
	"j k, arrows    row",
	"/              filter: Enter keeps it, Esc shows all",
	"s              next order",
	"Enter          detail: of a job with what it prints, of a batch what it waits for; Esc goes back",
	"e              the same: why it does not run",
	"c              cancel the job, or all of the batch",
	"r              retry the job, or what failed of the batch",
	"p              pause the pool, or resume it",
	"d              drain the executor: it ends when its jobs have",
	"space          freeze what is shown",
	"q, Ctrl-C      quit",
	"",
	"What c, r, p and d do is asked first, takes a reason, and is on record (tagexec actions list).",
}

// gap is between two columns.
const gap = 2

// widths fits the columns into the width: those that are widest give way.
func (t table) widths(rows []row, width int) []int {
	widths := make([]int, len(t.columns))
	total := gap * (len(widths) - 1)
	for i, name := range t.columns {
		widths[i] = ansi.StringWidth(name)
		for _, r := range rows {
			widths[i] = max(widths[i], ansi.StringWidth(r.cells[i]))
		}
		total += widths[i]
	}
	const least = 8
	for total > width {
		widest := 0
		for i := range widths {
			if widths[i] > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= least {
			break
		}
		widths[widest]--
		total--
	}
	return widths
}

// line is a row in columns.
func (t table) line(cells []string, widths []int) string {
	var b strings.Builder
	for i, cell := range cells {
		cell = ansi.Truncate(cell, widths[i], "…")
		space := strings.Repeat(" ", widths[i]-ansi.StringWidth(cell))
		if t.right[i] {
			cell = space + cell
		} else if i < len(cells)-1 {
			cell += space
		}
		if i > 0 {
			b.WriteString(strings.Repeat(" ", gap))
		}
		b.WriteString(cell)
	}
	return b.String()
}
