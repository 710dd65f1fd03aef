package store

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestPortionShrinksUntilStatementsEndInTime(t *testing.T) {
	t.Parallel()
	var p portion
	fast, slow := time.Millisecond, statementTimeout/2
	for _, step := range []struct {
		what string
		took time.Duration
		err  error
		want int // of 1,000
	}{
		{"at first", fast, nil, 1000},
		{"another error", slow, errors.New("the connection is gone"), 1000},
		{"cut off here", slow, context.DeadlineExceeded, 125},
		{"cut off by the server", slow, &pgconn.PgError{Code: "57014"}, 15},
		{"slow", slow, nil, 15},
		{"fast", fast, nil, 19},
		{"fast", fast, nil, 24},
	} {
		p.sent(p.of(1000), step.took, step.err)
		if got := p.of(1000); got != step.want {
			t.Errorf("%s: %d, want %d", step.what, got, step.want)
		}
	}
	p.sent(10, fast, nil)
	if got := p.of(1000); got != 24 {
		t.Errorf("it grew to %d by a smaller one", got)
	}
	for range 20 {
		p.sent(p.of(1<<20), slow, context.DeadlineExceeded)
	}
	if got := p.of(1000); got != 1 {
		t.Errorf("%d, want 1", got)
	}
	for range 60 {
		p.sent(p.of(1<<20), fast, nil)
	}
	if got := p.of(1 << 20); got != 1<<20 {
		t.Errorf("%d, want no bound", got)
	}
}
