package page

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/tagexec/tagexec/store/report"
)

// shared holds the latest answers of the database, so that fifty open pages cost as one.
type shared struct {
	flights singleflight.Group
	mu      sync.Mutex
	answers map[string]answered
	forgot  time.Time // when forget was called last

	behind sync.WaitGroup // questions that nobody waits for
	closed context.Context
	close  context.CancelFunc
}

// answered is what the database said last, and whether it answers now.
type answered struct {
	value any       // of the last good answer; nil if there is none
	at    time.Time // of that
	asked time.Time
	took  time.Duration
	err   error // of the last question
}

func newShared() *shared {
	s := &shared{answers: map[string]answered{}}
	s.closed, s.close = context.WithCancel(context.Background())
	return s
}

// wait ends questions that nobody waits for.
func (s *shared) wait() {
	s.close()
	s.behind.Wait()
}

const (
	fresh = 2 * time.Second // an answer is given to all who ask within
	// share is the part of the time that one question may take of the database: what takes
	// long is asked seldom, however many look.
	share      = 100
	leastOften = 15 * time.Second // however long it takes
	forgotten  = time.Minute      // nobody looks at it any more
	// slow is how long a question takes that a visitor is not kept waiting for, if there is
	// an answer that came due no longer than this ago.
	slow, lately = 50 * time.Millisecond, 5 * time.Second
	// maxAnswers is how many are kept for longer than they are fresh.
	maxAnswers = 500
	// askedFor is longer than any question of a page may take on the server.
	askedFor = 20 * time.Second
)

// part is what one section of a page shows.
type part[T any] struct {
	Value   T
	Known   bool      // there is a value
	Problem string    // why there is none, or none newer; "" if all is well
	At      time.Time // when the value was asked for
	took    time.Duration
	err     error
}

// ask asks a question for a section, or takes what somebody else was told a moment ago
// with the same rights. What takes long is asked anew behind who looks at it: he gets the
// last answer, and the next look a newer one. A database that is away leaves the last answer,
// with its time. key names the question and all that it depends on but the rights.
func ask[T any](v *visit, key string, life time.Duration, question func(context.Context, *report.Reader) (T, error)) part[T] {
	s := v.page.shared
	key = fmt.Sprintf("%s as %q", key, v.Seat.role)
	last, known := s.last(key)
	if last.err == nil {
		life = max(life, min(share*last.took, leastOften))
	}
	if age := time.Since(last.asked); !known || age >= life {
		anew := func() answered {
			answer, _, _ := s.flights.Do(key, func() (any, error) {
				if now, _ := s.last(key); now.asked.After(last.asked) {
					return now, nil // somebody else just asked
				}
				ctx, cancel := context.WithTimeout(context.WithoutCancel(v.r.Context()), askedFor) // others wait for it too
				defer cancel()
				defer context.AfterFunc(s.closed, cancel)()
				began := time.Now()
				value, err := question(ctx, v.reader)
				return s.note(key, value, began, err), nil
			})
			return answer.(answered)
		}
		if last.took < slow || last.err != nil || age > life+lately {
			last = anew()
		} else {
			s.behind.Go(func() {
				defer func() { _ = recover() }() // whoever waits for the answer next panics where it is logged
				anew()
			})
		}
	}
	p := part[T]{At: last.at, took: last.took, err: last.err}
	if last.value != nil {
		p.Value, p.Known = last.value.(T), true
	}
	if last.err != nil {
		p.Problem = sentence(last.err)
	}
	v.note(p.At, p.took, p.err, p.Known)
	return p
}

// must is ask for what a page cannot be without. The error is that of the question where
// there is no earlier answer, and where that is no longer true.
func must[T any](v *visit, key string, life time.Duration, question func(context.Context, *report.Reader) (T, error)) (T, error) {
	p := ask(v, key, life, question)
	if p.err != nil && (!p.Known || !report.Passing(p.err)) {
		return p.Value, p.err
	}
	return p.Value, nil
}

func (s *shared) last(key string) (answered, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.answers[key]
	return a, ok
}

// note keeps an answer, and forgets those that nobody asks for any more.
func (s *shared) note(key string, value any, began time.Time, err error) answered {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.answers[key]
	a.asked, a.err, a.took = time.Now(), err, time.Since(began)
	if began.Before(s.forgot) {
		a.asked = time.Time{} // what was done meanwhile is not in it
	}
	switch {
	case err == nil:
		a.value, a.at = value, began
	case !report.Passing(err): // what was true is not any more, or may not be seen any more
		a.value = nil
	}
	s.answers[key] = a
	for other, old := range s.answers {
		if age := time.Since(old.asked); age > forgotten || age > fresh && len(s.answers) > maxAnswers {
			delete(s.answers, other)
		}
	}
	return a
}

// sentence says what an error means to a visitor.
func sentence(err error) string {
	var (
		refused *report.RefusedError
		slow    *report.SlowError
		missing *report.MissingError
		primary *report.PrimaryError
	)
	switch {
	case errors.As(err, &missing), errors.As(err, &primary):
		return err.Error()
	case errors.As(err, &refused):
		return fmt.Sprintf("The page's login may not %s; an administrator can GRANT %s TO it.", refused.Doing, refused.Role)
	case errors.As(err, &slow):
		return fmt.Sprintf("This would take the database more than %s. Ask for less: name a batch, a tag or a shorter time.", slow.Limit)
	}
	return "The database does not answer: " + err.Error()
}

// forget makes the next question of each kind reach the database: something was done.
func (s *shared) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgot = time.Now()
	for key, a := range s.answers {
		a.asked = time.Time{}
		s.answers[key] = a
		s.flights.Forget(key)
	}
}
