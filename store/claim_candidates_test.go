package store

import (
	"slices"
	"testing"
	"time"
)

func TestFitChoosesInOrderUntilOneDoesNotFit(t *testing.T) {
	c := func(id int64, slots int32, priority int16) candidate {
		return candidate{id: id, slots: slots, priority: priority, runAt: time.Unix(id, 0), mine: true}
	}
	keyed := func(c candidate, k string) candidate { c.mutexKey = k; return c }
	foreign := func(c candidate) *candidate { c.mine = false; return &c }
	for _, tt := range []struct {
		name       string
		candidates []candidate
		reserving  *candidate
		free, n    int
		want       []int64
	}{
		{"nothing waits", nil, nil, 4, 4, nil},
		{"all fit", []candidate{c(1, 1, 5), c(2, 2, 5)}, nil, 4, 4, []int64{1, 2}},
		{"no more than asked for", []candidate{c(1, 1, 5), c(2, 1, 5), c(3, 1, 5)}, nil, 4, 2, []int64{1, 2}},
		{"the higher priority goes first", []candidate{c(1, 1, 5), c(2, 1, 9)}, nil, 1, 4, []int64{2}},
		{"then the earlier", []candidate{c(2, 1, 5), c(1, 1, 5)}, nil, 1, 4, []int64{1}},
		{"nothing overtakes one that does not fit", []candidate{c(1, 1, 5), c(2, 4, 5), c(3, 1, 5)}, nil, 4, 4, []int64{1}},
		{"the last slots are used", []candidate{c(1, 1, 5), c(2, 3, 5), c(3, 1, 5)}, nil, 4, 4, []int64{1, 2}},
		{"no room at all", []candidate{c(1, 1, 5)}, nil, 0, 4, nil},
		{"less than none", []candidate{c(1, 1, 5)}, nil, -3, 4, nil},
		{"no limit", []candidate{c(1, 1000, 5), c(2, 1000, 5)}, nil, unlimited, 4, []int64{1, 2}},
		{"another's job keeps its slots", []candidate{c(2, 1, 5), c(3, 1, 5)}, foreign(c(1, 3, 5)), 4, 4, []int64{2}},
		{"another's job that does not fit stops all behind it", []candidate{c(1, 1, 9), c(3, 1, 5)}, foreign(c(2, 4, 5)), 4, 4, []int64{1}},
		{"another's job behind the last candidate costs nothing", []candidate{c(1, 1, 5), c(2, 1, 5)}, foreign(c(3, 4, 5)), 4, 4, []int64{1, 2}},
		{"one's own reserving job is taken", []candidate{c(2, 1, 5)}, &candidate{id: 1, slots: 3, priority: 5, mine: true}, 4, 4, []int64{1, 2}},
		{"and counted once where it is a candidate", []candidate{c(1, 3, 5), c(2, 1, 5)}, &candidate{id: 1, slots: 3, priority: 5, mine: true}, 4, 4, []int64{1, 2}},
		{"it does not reserve behind a job of its key", []candidate{keyed(c(1, 2, 5), "k"), c(3, 2, 5)}, foreign(keyed(c(2, 2, 5), "k")), 4, 4, []int64{1, 3}},
		{"it reserves before a job of its key", []candidate{keyed(c(2, 2, 5), "k"), c(3, 2, 5)}, foreign(keyed(c(1, 2, 5), "k")), 4, 4, []int64{2}},
		{"and beside jobs of other keys", []candidate{keyed(c(1, 2, 5), "l"), c(3, 2, 5)}, foreign(keyed(c(2, 2, 5), "k")), 4, 4, []int64{1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := fit(tt.candidates, tt.reserving, tt.free, tt.n); !slices.Equal(got, tt.want) {
				t.Errorf("fit %v, want %v", got, tt.want)
			}
		})
	}
}
