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
	at time.Time
}

const seatLife = time.Minute

// roleOf is the role whose rights visitors of a level have.
func roleOf(level access.Level) string {
	if level == access.Operator {
		return "tagexec_operator"
	}
	return "tagexec_viewer"
}

// seat returns how the database is asked for a level.
func (p *Page) seat(ctx context.Context, level access.Level) (seat, error) {
	p.seats.mu.Lock()
	defer p.seats.mu.Unlock()
	if last, ok := p.seats.known[level]; ok && time.Since(last.at) < seatLife {
		return last.seat, nil
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
	if p.seats.known == nil {
		p.seats.known = map[access.Level]knownSeat{}
	}
	p.seats.known[level] = knownSeat{found, time.Now()}
	return found, nil
}
