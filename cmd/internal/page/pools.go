package page

import (
	"context"
	"fmt"
	"strconv"

	"github.com/tagexec/tagexec/cmd/internal/tell"
	"github.com/tagexec/tagexec/store/report"
)

// poolsData is what pools.html shows.
type poolsData struct {
	Sentence string
	List     []poolRow
}

// poolRow is a pool with who paused it.
type poolRow struct {
	report.Pool
	Pause *report.Pause // nil if it is not paused, or nobody knows
}

// Later is how many jobs are not due yet.
func (p poolRow) Later() int { return p.Pending - p.Due }

// Full reports whether no slot is free.
func (p poolRow) Full() bool { return p.Slots != nil && p.Used >= *p.Slots }

// Limit is how many slots the pool has, as a form has it.
func (p poolRow) Limit() string {
	if p.Slots == nil {
		return "none"
	}
	return strconv.Itoa(*p.Slots)
}

// poolList answers: which pool holds jobs up?
func poolList(v *visit) (*view, error) {
	if v.exports() {
		return export(v, "pools", func(ctx context.Context, r *report.Reader, _ string, _ int) (rows[report.Pool], error) {
			list, err := r.Pools(ctx)
			return rows[report.Pool]{List: list}, err
		})
	}
	list, err := allPools(v)
	if err != nil {
		return nil, err
	}
	d := poolsData{Sentence: tell.Pools(list)}
	pauses := pausesOf(v, list)
	for _, p := range list {
		d.List = append(d.List, poolRow{p, pauses[p.Pool]})
	}
	return &view{template: "pools", Title: "Pools", Data: d}, nil
}

// allPools are the pools, as the overview asks for them too.
func allPools(v *visit) ([]report.Pool, error) {
	return must(v, "pools", fresh, func(ctx context.Context, r *report.Reader) ([]report.Pool, error) { return r.Pools(ctx) })
}

// pausesOf returns who paused those of the pools that are.
func pausesOf(v *visit, pools []report.Pool) map[string]*report.Pause {
	found := map[string]*report.Pause{}
	paused := map[string]bool{}
	for _, p := range pools {
		if p.Paused {
			paused[p.Pool] = true
		}
	}
	if len(paused) == 0 {
		return found
	}
	list := ask(v, "pauses", fresh, func(ctx context.Context, r *report.Reader) ([]report.Pause, error) { return r.Pauses(ctx) })
	for i, p := range list.Value {
		if paused[p.Pool] {
			found[p.Pool] = &list.Value[i]
		}
	}
	return found
}

// PausedBy says since when a pool is paused, by whom and why.
func (f *frame) PausedBy(p *report.Pause) string {
	who := p.By
	if p.UIUser != nil && *p.UIUser != "" {
		who = *p.UIUser
	}
	text := fmt.Sprintf("since %s by %s", f.Clock(p.At), who)
	if p.Reason != nil {
		text += fmt.Sprintf(" (%s)", *p.Reason)
	}
	return text
}
