package page

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/cmd/internal/tell"
	"github.com/tagexec/tagexec/store/estimate"
	"github.com/tagexec/tagexec/store/report"
)

const (
	// holdersMost is how many jobs are shown that hold slots of a pool.
	holdersMost = 50
	// batchesInPool is how many batches are shown that wait for a pool.
	batchesInPool = 10
	// plansMost is for how many of them an estimate is made: each is planned twice.
	plansMost = 3
)

// poolData is what pool.html shows.
type poolData struct {
	Sentence string
	Pool     poolRow
	Holders  part[[]report.Job]
	Lanes    part[[]report.Lane]
	Batches  part[[]report.BatchInPool]
	WhatIf   string // slots that somebody asks about
	Plans    part[[]poolPlan]
	SetTo    int // WhatIf
}

// poolPlan is when a batch would end if the pool had other slots.
type poolPlan struct {
	Batch    string
	Now      time.Time
	Then     time.Time
	Sentence string // what comes of it
	Known    bool
}

// pool answers: who has the slots, who waits for them, and would more help?
func pool(v *visit) (*view, error) {
	name := v.r.PathValue("pool")
	all, err := allPools(v)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(p report.Pool) bool { return p.Pool == name })
	if i < 0 {
		return nil, report.Missing("there is no pool %q", name)
	}
	p := all[i]
	row := poolRow{p, pausesOf(v, []report.Pool{p})[name]}
	d := poolData{Pool: row, WhatIf: v.Query.Get("slots"), Sentence: poolSentence(v.frame, row)}
	if p.Used > 0 {
		d.Holders = ask(v, "holders of "+name, fresh, func(ctx context.Context, r *report.Reader) ([]report.Job, error) {
			page, err := r.Jobs(ctx, report.JobFilter{States: []string{"running"}, Pool: name}, nil, holdersMost)
			return page.Jobs, err
		})
	}
	if p.Due > 0 {
		d.Lanes = ask(v, "lanes of "+name, fresh, func(ctx context.Context, r *report.Reader) ([]report.Lane, error) { return r.Lanes(ctx, name) })
		d.Batches = ask(v, "batches in "+name, fresh, func(ctx context.Context, r *report.Reader) ([]report.BatchInPool, error) {
			return r.BatchesInPool(ctx, name, batchesInPool)
		})
	}
	if d.WhatIf != "" {
		slots, err := strconv.Atoi(d.WhatIf)
		if err != nil || slots < 1 || slots > maxSlots {
			return nil, wrong("slots=%s: how it would be is told for 1 to %s slots", d.WhatIf, listing.Thousands(maxSlots))
		}
		d.SetTo = slots
		d.Plans = ask(v, fmt.Sprintf("plans of %s with %d for %s", name, slots, v.ZoneName()), forecastLife, func(ctx context.Context, r *report.Reader) ([]poolPlan, error) {
			return plansWith(ctx, r, v.frame, name, slots, d.Batches.Value)
		})
	}
	return &view{template: "pool", Title: "Pool " + name, Data: d}, nil
}

func poolSentence(f *frame, p poolRow) string {
	text := tell.HoldUp(p.Pool)
	switch {
	case text == "" && p.Slots == nil:
		text = fmt.Sprintf("%s has no limit: %s in use, %s due", p.Pool.Pool, listing.Plural(p.Used, "slot"), listing.Capped(p.Due, countMost))
	case text == "":
		text = fmt.Sprintf("%s has room: %s of %s in use, %s due", p.Pool.Pool, listing.Thousands(p.Used), listing.Plural(*p.Slots, "slot"), listing.Capped(p.Due, countMost))
	}
	if p.Pause != nil {
		text += ", " + f.PausedBy(p.Pause)
	}
	return "Pool " + text + "."
}

// plansWith plans the first batches that wait for a pool, as it is and with other slots.
func plansWith(ctx context.Context, r *report.Reader, f *frame, pool string, slots int, batches []report.BatchInPool) (list []poolPlan, err error) {
	for _, b := range batches[:min(len(batches), plansMost)] {
		q, err := r.Forecast(ctx, b.Batch)
		if err != nil {
			return nil, err
		}
		now, then := estimate.Of(q), estimate.Of(q.With(map[string]int{pool: slots}))
		p := poolPlan{Batch: b.Batch, Now: now.P50, Then: then.P50, Known: now.Refusal == "" && then.Refusal == "" && !now.Bounds && !then.Bounds}
		gain := now.P50.Sub(then.P50)
		switch {
		case !p.Known:
			p.Sentence = now.Sentence(nil, f.Clock)
			if now.Refusal == "" && then.Refusal != "" {
				p.Sentence = then.Sentence(nil, f.Clock)
			}
		case gain.Abs() < time.Second:
			p.Sentence = "about the same: something else binds it"
		case gain > 0:
			p.Sentence = listing.Seconds(gain.Seconds()) + " earlier"
		default:
			p.Sentence = listing.Seconds(-gain.Seconds()) + " later"
		}
		list = append(list, p)
	}
	return list, nil
}
