package operate

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/gantt"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

// maxBars is how many attempts a gantt shows.
const maxBars = 2_000

func batchGantt(std cli.Streams) *cobra.Command {
	var o listing.Options
	cmd := &cobra.Command{
		Use:   "gantt BATCH",
		Short: "Draw when the jobs of a batch ran, on which executor",
		Long: "gantt draws a line for each slot of an executor that was in use at the same time. An attempt lasts from\n" +
			"its claim to its end: with very short jobs an executor claims a few ahead, so there may be more lines than\n" +
			"workers. # succeeded, x failed, > still runs, - ended otherwise. Other formats list the attempts.",
		Example: "  tagexec batch gantt nightly:2026-11-22\n" +
			"  tagexec batch gantt nightly:2026-11-22 --tz UTC\n" +
			"  tagexec batch gantt nightly:2026-11-22 -o csv",
		Args:              oneArgument(aBatch),
		ValidArgsFunction: completeArgument(completeBatches, false),
		RunE: func(cmd *cobra.Command, args []string) error {
			list, err := listing.New[report.Run](std, &o, listing.Layout{Name: "job_id"})
			if err != nil {
				return err
			}
			return withBatch(cmd, list.Look, args[0], func(ctx context.Context, r *report.Reader) error {
				if _, err := r.Batch(ctx, args[0]); err != nil {
					return err
				}
				found, err := r.Runs(ctx, args[0], report.Span{}, maxBars)
				if err != nil {
					return err
				}
				if !list.ForPeople() || len(o.Columns) > 0 {
					return list.All(found.Runs)
				}
				drawGantt(list.Look, args[0], found.Runs)
				if found.Capped {
					list.Print("Only 20,000 ended attempts of the batch were looked at.")
				}
				return nil
			})
		},
	}
	o.Flags(cmd)
	return cmd
}

func drawGantt(l *listing.Look, batch string, runs []report.Run) {
	if len(runs) == 0 {
		l.Say("No job of %s has started.", batch)
		return
	}
	first, last := runs[0].StartedAt, runs[0].StartedAt
	for i := range runs {
		last = latest(last, gantt.End(&runs[i], l.Now()))
	}
	all := gantt.Slots(runs, l.Now())
	note := ""
	if len(runs) == maxBars {
		note = fmt.Sprintf(" (the first %s)", listing.Thousands(maxBars))
	}
	l.Say("%s: %s%s in %s, from %s to %s", batch, listing.Plural(len(runs), "attempt"), note, listing.Seconds(last.Sub(first).Seconds()), l.Time(first), l.Time(last))
	name := 0
	for _, slot := range all {
		name = max(name, text.StringWidth(slot.Label()))
	}
	name = min(name, 24)
	width := max(20, l.Width()-name-2)
	for _, slot := range all {
		label := cli.Printable(slot.Label())
		if text.StringWidth(label) > name {
			label = text.Snip(label, name, "…")
		}
		l.Print("%s  %s", text.Pad(label, name, ' '), strings.TrimRight(draw(slot, first, last, width, l.Now()), " "))
	}
	axis := l.Time(first)
	end := l.Time(last)
	l.Print("%s  %s", strings.Repeat(" ", name), axis+strings.Repeat(" ", max(1, width-len(axis)-len(end)))+end)
}

// draw draws the runs of a slot in so many columns. Runs that share a column are told
// by the worst of them.
func draw(slot *gantt.Slot, first, last time.Time, width int, now time.Time) string {
	columns := []byte(strings.Repeat(" ", width))
	span := max(last.Sub(first), time.Millisecond)
	at := func(t time.Time) int { return min(width-1, int(int64(t.Sub(first))*int64(width)/int64(span))) }
	for _, run := range slot.Runs {
		mark := byte('-')
		switch run.Outcome {
		case "succeeded":
			mark = '#'
		case "failed", "timed_out", "lost":
			mark = 'x'
		case "running":
			mark = '>'
		}
		from, to := at(run.StartedAt), at(gantt.End(run, now))
		for i := from; i <= max(from, to-1); i++ {
			if columns[i] != 'x' {
				columns[i] = mark
			}
		}
	}
	return string(columns)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
