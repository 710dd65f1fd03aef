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

	working sync.WaitGroup // questions that nobody waits for
	closed  context.Context
	close   context.CancelFunc
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
	s.working.Wait()
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
	// patience is how long after its beginning a page waits for what it can be shown without,
	// and leastPatience how long for each such section.
	patience, leastPatience = 60 * time.Millisecond, 5 * time.Millisecond
	// tooOld is what a page shows nothing of while it asks anew.
	tooOld = time.Minute
	// maxAnswers is how many are kept for longer than they are fresh.
	maxAnswers = 500
	// askedFor is longer than any question of a page may take on the server.
	askedFor = 20 * time.Second
)

// part is what one section of a page shows.
type part[T any] struct {
	Value   T
	Known   bool      // there is a value
	Later   bool      // it takes longer than the page waits; the next look will have it
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
	return look(v, key, life, func(q inquiry, last answered) (answered, bool) { return q.anew(last), true }, question)
}

// later is ask for a section that a page is opened without if its answer is not there
// before the page's patience ends: the next look, which is soon, waits for it; until then the
// answer before is shown, unless it is too old. Whoever has the page open already waits for
// nothing, and a page that does not look again must be whole.
func later[T any](v *visit, key string, life time.Duration, question func(context.Context, *report.Reader) (T, error)) part[T] {
	if !v.Live || v.polls() {
		return ask(v, key, life, question)
	}
	return look(v, key, life, func(q inquiry, last answered) (answered, bool) {
		select {
		case answer, ok := <-q.behind(last):
			if !ok {
				answer = q.anew(last) // it panicked: here that is logged
			}
			return answer, true
		case <-time.After(max(v.page.patience-time.Since(v.now), leastPatience)):
			v.soon = v.soon || last.err == nil
			return last, last.err != nil || time.Since(last.at) < tooOld
		}
	}, question)
}

// look asks a question by do, if its last answer is not to be shown any more.
func look[T any](v *visit, key string, life time.Duration, do func(inquiry, answered) (answered, bool), question func(context.Context, *report.Reader) (T, error)) (p part[T]) {
	q := inquiry{v.page.shared, fmt.Sprintf("%s as %q", key, v.Seat.role), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(v.r.Context()), askedFor) // others wait for it too
		defer cancel()
		defer context.AfterFunc(v.page.shared.closed, cancel)()
		return question(ctx, v.reader)
	}}
	last, known := q.last(q.key), true
	if last.err == nil {
		life = max(life, min(share*last.took, leastOften))
	}
	switch age := time.Since(last.asked); {
	case age < life:
	case age <= life+lately && last.took >= slow && last.err == nil:
		q.behind(last)
	default:
		last, known = do(q, last)
	}
	if !known {
		return part[T]{Later: true}
	}
	p = part[T]{At: last.at, took: last.took, err: last.err}
	if last.value != nil {
		p.Value, p.Known = last.value.(T), true
	}
	if last.err != nil {
		p.Problem = sentence(last.err)
	}
	v.note(p.At, p.took, p.err, p.Known)
	return p
}

// inquiry is a question, with the rights of who asks it.
type inquiry struct {
	*shared
	key string
	ask func() (any, error)
}

// anew asks, once for all who do so now, unless somebody was told after the last answer.
func (q inquiry) anew(last answered) answered {
	answer, _, _ := q.flights.Do(q.key, func() (any, error) {
		if now := q.last(q.key); now.asked.After(last.asked) {
			return now, nil
		}
		began := time.Now()
		value, err := q.ask()
		return q.note(q.key, value, began, err), nil
	})
	return answer.(answered)
}

// behind asks without anybody waiting. The channel is closed without an answer if asking
// panics: whoever waits for the answer next panics where it is logged.
func (q inquiry) behind(last answered) <-chan answered {
	told := make(chan answered, 1)
	q.working.Go(func() {
		defer close(told)
		defer func() { _ = recover() }()
		told <- q.anew(last)
	})
	return told
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

func (s *shared) last(key string) answered {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.answers[key]
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
