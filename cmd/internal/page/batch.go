package page

import (
	"context"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/cmd/internal/meant"
	"github.com/tagexec/tagexec/cmd/internal/tell"
	"github.com/tagexec/tagexec/store/estimate"
	"github.com/tagexec/tagexec/store/report"
)

const (
	// causesMost is how many causes of failures are shown.
	causesMost = 10
	// forecastLife is for how long an estimate is shown: it costs more than other answers.
	forecastLife = 10 * time.Second
)

// batchData is what batch.html shows.
type batchData struct {
	Batch    report.BatchDetail
	Sentence string
	End      part[ending]
	Waits    part[[]waiting]
	Causes   part[[]report.Cause]
	Slow     part[[]report.SlowRun]
	Late     bool
}

// ending is when a batch ends, in words.
type ending struct {
	Sentence string
	Runs     int    // past runs that it rests on
	NewTags  int    // tags without any
	Pool     string // that binds it, and what more slots would do; "" if none does
	More     int
	Then     time.Time
	Known    bool // there is an estimate
	P10, P90 time.Time
}

// waiting is why some jobs wait.
type waiting struct {
	report.Wait
	Text string
	Runs bool // they do not wait
}

// batch answers: what does my batch wait for, and when does it end?
func batch(v *visit) (*view, error) {
	key := v.r.PathValue("key")
	b, err := must(v, "batch "+key, fresh, func(ctx context.Context, r *report.Reader) (report.BatchDetail, error) { return theBatch(ctx, r, key) })
	if err != nil {
		return nil, err
	}
	d := batchData{Batch: b, Sentence: tell.Batch(v.frame, b) + ".", Late: !b.Settled() && b.DueAt != nil && b.DueAt.Before(v.now)}
	if !b.Settled() {
		d.End = later(v, "end of "+key+" for "+v.ZoneName(), forecastLife, func(ctx context.Context, r *report.Reader) (ending, error) { return endOf(ctx, r, v.frame, key) })
		d.Waits = later(v, "waits of "+key, fresh, func(ctx context.Context, r *report.Reader) ([]waiting, error) {
			list, err := r.Waits(ctx, key)
			told := make([]waiting, len(list))
			for i, w := range list {
				told[i] = waiting{w, tell.WaitFor(w), tell.Running(w)}
			}
			return told, err
		})
		d.Slow = later(v, "slow jobs of "+key, fresh, func(ctx context.Context, r *report.Reader) ([]report.SlowRun, error) { return r.SlowRuns(ctx, key, 10) })
	}
	if b.Failed > 0 {
		d.Causes = later(v, "causes of "+key, fresh, func(ctx context.Context, r *report.Reader) ([]report.Cause, error) {
			return r.Causes(ctx, key, causesMost)
		})
	}
	return &view{template: "batch", Title: b.Batch, Data: d, settled: b.Settled()}, nil
}

// theBatch returns a batch; where there is none of its key, the error says which may have
// been meant.
func theBatch(ctx context.Context, r *report.Reader, key string) (report.BatchDetail, error) {
	b, err := r.Batch(ctx, key)
	return b, meant.Batch(ctx, r, key, err)
}

// endOf says when a batch ends, as far as that is known.
func endOf(ctx context.Context, r *report.Reader, f *frame, key string) (ending, error) {
	q, err := r.Forecast(ctx, key)
	if err != nil {
		return ending{}, err
	}
	e := estimate.Of(q)
	b := estimate.Bind(q, &e)
	clock := f.Clock
	if e.Near(q.Now) {
		clock = f.Precise
	}
	end := ending{Sentence: listing.Sentence(e.Sentence(&b, clock)), Runs: e.Runs, NewTags: e.NewTags, Known: e.Refusal == "", P10: e.P10, P90: e.P90}
	if b.Pool != "" && b.More > 0 {
		end.Pool, end.More, end.Then = b.Pool, b.More, b.P50
	}
	return end, nil
}

// Progress is how far the batch is, as a bar.
func (d batchData) Progress() []progressPart { return progress(d.Batch.Counts) }
