package report_test

import (
	"testing"
	"time"

	"github.com/tagexec/tagexec/store/report"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestALookBackTakesNoMoreThanItsTime(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for _, tt := range []struct {
		name       string
		size       int
		took, left time.Duration
		want       int
	}{
		{"a quick one looks at four times as many", 1000, 5 * ms, 145 * ms, 4000},
		{"as many as fit into the time that is left", 1000, 50 * ms, 100 * ms, 2000},
		{"fewer than before, if no more fit", 4000, 80 * ms, 20 * ms, 1000},
		{"never hardly any", 1000, 140 * ms, 10 * ms, 250},
		{"nor more than the largest", 16_000, 20 * ms, 120 * ms, 20_000},
		{"on a clock that did not move", 1000, 0, 150 * ms, 4000},
	} {
		storetest.Check(t, tt.name, report.NextWindow(tt.size, 20_000, tt.took, tt.left), tt.want)
	}
}
