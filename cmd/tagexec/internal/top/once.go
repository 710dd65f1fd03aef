package top

import (
	"strings"

	"github.com/tagexec/tagexec/cmd/internal/listing"
)

// text is all tabs below each other, each with its name, without colours.
func (s snapshot) text(look *listing.Look) string {
	var b strings.Builder
	b.WriteString(s.sentence() + "\n" + s.attention() + "\n")
	for _, tab := range tabs {
		t := tab.make(s, look)
		b.WriteString("\n" + strings.ToUpper(tab.name[:1]) + tab.name[1:] + "\n")
		if len(t.rows) == 0 {
			b.WriteString(t.empty + "\n")
			continue
		}
		widths := t.widths(t.rows, look.Width())
		b.WriteString(strings.TrimRight(t.line(t.columns, widths), " ") + "\n")
		for _, r := range t.rows {
			b.WriteString(strings.TrimRight(t.line(r.cells, widths), " ") + "\n")
		}
	}
	return b.String()
}
