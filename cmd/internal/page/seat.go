package page

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/access"
	"github.com/tagexec/tagexec/store/report"
)

// seat is how the database is asked for visitors of a level: with a role, or with the
// rights of the page's own login where it cannot take that role, as an owner that made the
// roles cannot from Postgres 16 on, or where they are missing.
type seat struct {
	role string // "" for the login's own rights
	report.Rights
}

// seats are found out once for each level, and again after a while: grants change.
type seats struct {
	mu    sync.Mutex
	known map[access.Level]knownSeat
}

type knownSeat struct {
	seat
	err   error // why there is none
	until time.Time
}

const seatLife = time.Minute

// roleOf is the role whose rights visitors of a level have.
func roleOf(level access.Level) string {
	if level == access.Operator {
		return "tagexec_operator"
	}
	return "tagexec_viewer"
}

// seat returns how the database is asked for a level. While it does not answer, that is as
// it was, so that the page can show what it knows.
func (p *Page) seat(ctx context.Context, level access.Level) (seat, error) {
	p.seats.mu.Lock()
	defer p.seats.mu.Unlock()
	last, known := p.seats.known[level]
	if known && time.Now().Before(last.until) {
		return last.seat, last.err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askedFor) // others go by it too
	defer cancel()
	found, err := p.findSeat(ctx, level)
	next := knownSeat{found, err, time.Now().Add(seatLife)}
	if err != nil {
		next.until = time.Now().Add(fresh)
		if known && last.err == nil && report.Passing(err) {
			next.seat, next.err = last.seat, nil
		}
	}
	if p.seats.known == nil {
		p.seats.known = map[access.Level]knownSeat{}
	}
	p.seats.known[level] = next
	return next.seat, next.err
}

// findSeat asks the database for a seat.
func (p *Page) findSeat(ctx context.Context, level access.Level) (seat, error) {
	if err := p.reader.CheckSchema(ctx); err != nil {
		return seat{}, err
	}
	found := seat{role: roleOf(level)}
	rights, err := p.reader.As(found.role).Rights(ctx)
	if refused := (*report.RefusedError)(nil); errors.As(err, &refused) {
		found.role = ""
		rights, err = p.reader.Rights(ctx)
	}
	if err != nil {
		return seat{}, err
	}
	found.Rights = rights
	found.Operate = found.Operate && level == access.Operator
	return found, nil
}
