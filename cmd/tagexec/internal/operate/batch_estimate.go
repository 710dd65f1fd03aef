package operate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/estimate"
	"github.com/tagexec/tagexec/store/report"
)

// forecast is what estimate shows. Times are missing where nothing can be said.
type forecast struct {
	Batch       string          `json:"batch"`
	At          time.Time       `json:"at"`
	DueAt       *time.Time      `json:"due_at"`
	P10         *time.Time      `json:"p10"`
	P50         *time.Time      `json:"p50"`
	P90         *time.Time      `json:"p90"`
	LateShare   *float64        `json:"late_share"` // of the draws
	OnlyBounds  bool            `json:"only_bounds"`
	Refusal     *string         `json:"refusal"`
	BoundBy     *string         `json:"bound_by"`
	WithMore    *int            `json:"with_more"` // slots or workers that bind
	WithMoreP50 *time.Time      `json:"with_more_p50"`
	Waits       []estimate.Wait `json:"waits"`
	Runs        int             `json:"past_runs"`
	NewTags     int             `json:"new_tags"`
	NewShare    float64         `json:"new_share"` // of the work
	Draws       int             `json:"draws"`
	WhatIf      *whatIf         `json:"what_if"`
}

// whatIf is an estimate with other slots.
type whatIf struct {
	Slots   map[string]int `json:"slots"` // by pool; 0 for no limit
	P10     *time.Time     `json:"p10"`
	P50     *time.Time     `json:"p50"`
	P90     *time.Time     `json:"p90"`
	Refusal *string        `json:"refusal"`
}

func batchEstimate(std cli.Streams) *cobra.Command {
	var (
		o     listing.Options
		pools []string
	)
	cmd := &cobra.Command{
		Use:   "estimate BATCH",
		Short: "Say when a batch will end, what binds it, and what more slots would do",
		Long: "estimate plays the claims of the executors on the past runs of the tags, many times over: of ten such batches\n" +
			"eight end within the interval. It counts on the executors that live, and on the jobs that are there now.\n" +
			"It says nothing but the reason where that would be a guess: if more than a fifth of the work is of tags that\n" +
			"never succeeded, if a pool is paused, or if no executor takes some of the jobs.",
		Example: "  tagexec batch estimate nightly:2026-11-22\n" +
			"  tagexec batch estimate nightly:2026-11-22 --pool warehouse=12\n" +
			"  tagexec batch estimate nightly:2026-11-22 -o json | jq -r .p90",
		Args:              oneArgument(aBatch),
		ValidArgsFunction: completeArgument(completeBatches, false),
		RunE: func(cmd *cobra.Command, args []string) error {
			look, err := o.Look(std)
			if err != nil {
				return err
			}
			slots, err := slotsOf(pools)
			if err != nil {
				return err
			}
			return withBatch(cmd, look, args[0], func(ctx context.Context, r *report.Reader) error {
				q, err := r.Within(patience).Forecast(ctx, args[0])
				if err != nil {
					return err
				}
				if err := knownPools(q, slots); err != nil {
					return err
				}
				e := estimate.Of(q)
				binding := estimate.Bind(q, &e)
				var with *estimate.Estimate
				if len(slots) > 0 {
					other := estimate.Of(q.With(slots))
					with = &other
				}
				look, people, err := listing.Document(std, &o, forecastOf(q, &e, &binding, slots, with), "batch")
				if err != nil || !people {
					return err
				}
				printForecast(look, q, &e, &binding, slots, with)
				return nil
			})
		},
	}
	o.Flags(cmd)
	cmd.Flags().StringArrayVar(&pools, "pool", nil, "what if the pool had so many slots, as POOL=N; none for no limit. It may be given for several pools")
	return cmd
}

// ending is when a batch ends, in words.
type ending struct {
	sentence string
	remedy   string // a command that makes it end earlier; "" for none
	then     string // when that would be
	known    bool   // there is an estimate, so what would not help is known too
	workers  string // when it would end with more workers, if these would help
}

// after says when the batch would end after a remedy, if that is known.
func (e ending) after(remedy string) string {
	if e.remedy == "" || remedy != e.remedy {
		return ""
	}
	return "    # about " + e.then
}

// endOfBatch says when a batch ends and what binds it. A database that takes too long for
// it keeps nobody from what else was asked.
func endOfBatch(ctx context.Context, r *report.Reader, l *listing.Look, batch string) (ending, error) {
	q, err := r.Forecast(ctx, batch)
	if slow := (*report.SlowError)(nil); errors.As(err, &slow) {
		return ending{sentence: "the database needs too long to say; tagexec batch estimate waits longer"}, nil
	}
	if err != nil {
		return ending{}, err
	}
	e := estimate.Of(q)
	b := estimate.Bind(q, &e)
	tell := clock(l, q, &e)
	end := ending{sentence: e.Sentence(&b, tell), known: e.Refusal == "" && !e.Bounds}
	if b.Cause == estimate.Workers && b.More > 0 {
		end.workers = fmt.Sprintf("with %d workers in all about %s", b.More, tell(b.P50))
	}
	if b.Pool != "" && b.More > 0 {
		end.remedy, end.then = fmt.Sprintf("tagexec pools set %s --slots %d", cli.ShellWord(b.Pool), b.More), tell(b.P50)
	}
	return end, nil
}

// slotsOf reads POOL=N.
func slotsOf(pools []string) (map[string]int, error) {
	slots := map[string]int{}
	for _, text := range pools {
		at := strings.LastIndex(text, "=")
		if at < 1 {
			return nil, cli.Usagef("--pool is %q: must be POOL=N, such as warehouse=12", text)
		}
		n, err := strconv.Atoi(text[at+1:])
		if text[at+1:] == "none" {
			n, err = 0, nil
		} else if err != nil || n < 1 {
			return nil, cli.Usagef("--pool is %q: the slots must be a number from 1 on, or none", text)
		}
		slots[text[:at]] = n
	}
	return slots, nil
}

func knownPools(q *estimate.Queue, slots map[string]int) error {
	var known []string
	for _, p := range q.Pools {
		known = append(known, p.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(slots)) {
		if !slices.Contains(known, name) {
			return cli.Usagef("--pool: there is no pool %q; tagexec pools list shows them%s", name, cli.DidYouMean(name, known))
		}
	}
	return nil
}

// clock tells times of an end: with seconds if it is near.
func clock(l *listing.Look, q *estimate.Queue, e *estimate.Estimate) func(time.Time) string {
	if e.Near(q.Now) {
		return l.Time
	}
	return l.Clock
}

func printForecast(l *listing.Look, q *estimate.Queue, e *estimate.Estimate, b *estimate.Binding, slots map[string]int, with *estimate.Estimate) {
	l.Say("%s: %s", q.Batch, e.Sentence(b, clock(l, q, e)))
	if with != nil {
		l.Print("with %s: %s", poolsOf(slots), with.Sentence(nil, clock(l, q, with)))
	}
	if q.Due != nil && e.Refusal == "" && !e.Bounds {
		l.Print("due %s: late in %.0f of 100 draws", l.Clock(*q.Due), 100*e.Late)
	}
	if e.Refusal == "" {
		l.Print("from %s%s", listing.Plural(e.Runs, "past run"), newTags(e))
	}
}

func newTags(e *estimate.Estimate) string {
	if e.NewTags == 0 {
		return ""
	}
	return "; " + listing.Plural(e.NewTags, "tag") + " never succeeded before"
}

// poolsOf names pools with their slots.
func poolsOf(slots map[string]int) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(slots)) {
		if n := slots[name]; n > 0 {
			list = append(list, fmt.Sprintf("%s at %s", name, listing.Plural(n, "slot")))
		} else {
			list = append(list, name+" without a limit")
		}
	}
	return strings.Join(list, ", ")
}

func forecastOf(q *estimate.Queue, e *estimate.Estimate, b *estimate.Binding, slots map[string]int, with *estimate.Estimate) forecast {
	f := forecast{
		Batch: q.Batch, At: q.Now, DueAt: q.Due, OnlyBounds: e.Bounds, Waits: e.Waits, Runs: e.Runs, NewTags: e.NewTags, NewShare: e.NewShare, Draws: e.Draws,
	}
	f.P10, f.P50, f.P90, f.Refusal = timesOf(e)
	if f.Waits == nil {
		f.Waits = []estimate.Wait{}
	}
	if e.Refusal == "" && !e.Bounds {
		by := b.String()
		f.BoundBy = &by
		if q.Due != nil {
			f.LateShare = &e.Late
		}
		if b.More > 0 {
			f.WithMore, f.WithMoreP50 = &b.More, &b.P50
		}
	}
	if with != nil {
		f.WhatIf = &whatIf{Slots: slots}
		f.WhatIf.P10, f.WhatIf.P50, f.WhatIf.P90, f.WhatIf.Refusal = timesOf(with)
	}
	return f
}

func timesOf(e *estimate.Estimate) (p10, p50, p90 *time.Time, refusal *string) {
	if e.Refusal != "" {
		return nil, nil, nil, &e.Refusal
	}
	return &e.P10, &e.P50, &e.P90, nil
}
