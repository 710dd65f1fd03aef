package page

import (
	"fmt"

	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

// spark is a small chart: a bar for each run, the latest on the right. A failed one is as
// high as the chart: it is not told by its colour alone.
type spark struct {
	Width, Height int
	Bars          []sparkBar
	Label         string
}

// sparkBar is a run.
type sparkBar struct {
	X, Y, Height float64
	Class        string
}

const (
	sparkBarWidth = 4 // and one more between two
	sparkHeight   = 20
	sparkRuns     = 30
)

// sparkOf draws the latest runs of a tag.
func sparkOf(t report.Tag) spark {
	s := spark{Width: sparkRuns * (sparkBarWidth + 1), Height: sparkHeight}
	most := 0.0
	for _, seconds := range t.RunSeconds {
		most = max(most, seconds)
	}
	x := float64((sparkRuns - len(t.RunSeconds)) * (sparkBarWidth + 1))
	for i, seconds := range t.RunSeconds {
		b := sparkBar{X: x, Height: 1, Class: glyphs[t.Outcomes[i]].class}
		if most > 0 {
			b.Height = max(1, seconds/most*sparkHeight)
		}
		if b.Class == "bad" {
			b.Height = sparkHeight
		}
		b.Y = sparkHeight - b.Height
		s.Bars = append(s.Bars, b)
		x += sparkBarWidth + 1
	}
	s.Label = fmt.Sprintf("%s, the longest %s, %d failed", listing.Plural(len(t.RunSeconds), "run"), listing.Seconds(most), t.Failures)
	return s
}
