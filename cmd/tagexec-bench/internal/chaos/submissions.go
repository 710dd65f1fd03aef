package chaos

import (
	"errors"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
)

// answer is what a producer was told about a statement.
type answer int

const (
	accepted answer = iota
	refused         // by a rule of the queue; nothing of it may be there
	unknown         // the connection was lost: all of it is there, or nothing
)

// entry is one statement of a producer.
type entry struct {
	tags   []string
	answer answer
}

// answers are what the producers were told.
type answers struct {
	mu      sync.Mutex
	entries []entry
}

func (a *answers) note(answer answer, jobs []job) {
	e := entry{answer: answer}
	for _, j := range jobs {
		e.tags = append(e.tags, j.Tag)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.entries = append(a.entries, e)
}

// answerOf reads the answer out of an error. right is false where no producer
// should see such an error, whatever the faults.
func answerOf(err error) (a answer, right bool) {
	var pg *pgconn.PgError
	switch {
	case err == nil:
		return accepted, true
	case passing(err):
		return unknown, true
	case errors.As(err, &pg) && pg.ConstraintName == "tag_jobs_slots_fit_the_pool":
		return refused, true // the pool has been made too small for it
	}
	return refused, false
}
