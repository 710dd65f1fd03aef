package sql_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tagexec/tagexec/executor/runner/sql"
)

func TestPlacesAreWaitedFor(t *testing.T) {
	t.Parallel()
	p := sql.NewPlaces(2)
	for range 2 {
		if p.Full() {
			t.Error("full too early")
		}
		if err := p.Take(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := p.Count(); !p.Full() || got != (sql.Connections{InUse: 2, Max: 2}) {
		t.Errorf("full: %v, %+v", p.Full(), got)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Take(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v from a context that has ended", err)
	}
	waited := make(chan error)
	go func() { waited <- p.Take(t.Context()) }()
	p.Leave()
	if err := <-waited; err != nil {
		t.Error(err)
	}
	p.Leave()
	p.Leave()
	if got := p.Count(); got != (sql.Connections{Max: 2}) {
		t.Errorf("all have left: %+v", got)
	}
}

func TestPlacesAreNeverMoreThanThereAre(t *testing.T) {
	t.Parallel()
	p := sql.NewPlaces(3)
	var inside atomic.Int64
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if err := p.Take(t.Context()); err != nil {
				t.Error(err)
			}
			if n := inside.Add(1); n > 3 {
				t.Errorf("%d are inside", n)
			}
			inside.Add(-1)
			p.Leave()
		})
	}
	all.Wait()
}
