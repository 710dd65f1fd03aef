package page

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/store/report"
)

// What took the database a tenth of a second is not asked again for ten, however many look;
// what failed is asked again when somebody looks.
func TestWhatTakesLongIsAskedSeldom(t *testing.T) {
	t.Parallel()
	v := &visit{frame: &frame{}, page: &Page{shared: newShared()}, r: httptest.NewRequest("GET", "/", nil)}
	asked := 0
	question := func(context.Context, *report.Reader) (int, error) { asked++; return 2, nil }
	long := time.Now().Add(-100 * time.Millisecond)
	v.page.shared.note(`long as ""`, 1, long, nil)
	answer := v.page.shared.answers[`long as ""`]
	answer.asked = time.Now().Add(-5 * time.Second)
	v.page.shared.answers[`long as ""`] = answer
	if p := ask(v, "long", 0, question); p.Value != 1 || asked != 0 {
		t.Errorf("asked %d times, told %d", asked, p.Value)
	}
	v.page.shared.note(`failed as ""`, 1, long, errors.New("away"))
	if p := ask(v, "failed", 0, question); p.Value != 2 || asked != 1 {
		t.Errorf("after a failure: asked %d times, told %d", asked, p.Value)
	}
}

// Who looks at what takes long gets the last answer, and a newer one is there when he looks
// again; but not one of long ago.
func TestWhatTakesLongIsAskedBehindWhoLooks(t *testing.T) {
	t.Parallel()
	v := &visit{frame: &frame{}, page: &Page{shared: newShared()}, r: httptest.NewRequest("GET", "/", nil)}
	s := v.page.shared
	question := func(context.Context, *report.Reader) (int, error) { return 2, nil }
	old := func(key string, ago time.Duration) {
		s.note(key+` as ""`, 1, time.Now().Add(-100*time.Millisecond), nil)
		s.mu.Lock()
		defer s.mu.Unlock()
		answer := s.answers[key+` as ""`]
		answer.asked = time.Now().Add(-ago)
		s.answers[key+` as ""`] = answer
	}
	old("lately", 12*time.Second)
	if p := ask(v, "lately", 0, question); p.Value != 1 {
		t.Errorf("told %d, want the last answer", p.Value)
	}
	clitest.Eventually(t, "the newer answer", func() bool { return ask(v, "lately", 0, question).Value == 2 })
	old("long ago", 40*time.Second)
	if p := ask(v, "long ago", 0, question); p.Value != 2 {
		t.Errorf("told %d, want a new answer", p.Value)
	}
	old("panics", 12*time.Second)
	ended := make(chan bool)
	ask(v, "panics", 0, func(context.Context, *report.Reader) (int, error) { defer close(ended); panic("at work") })
	<-ended
	s.wait()
}

// Who did something sees it: an answer that was on its way meanwhile does not count as new.
func TestAnAnswerFromBeforeADeedIsNotFresh(t *testing.T) {
	t.Parallel()
	v := &visit{frame: &frame{}, page: &Page{shared: newShared()}, r: httptest.NewRequest("GET", "/", nil)}
	began, done, told := make(chan bool), make(chan bool), make(chan bool)
	go func() {
		ask(v, "pools", time.Hour, func(context.Context, *report.Reader) (string, error) { close(began); <-done; return "before", nil })
		close(told)
	}()
	<-began
	v.page.shared.forget()
	close(done)
	<-told
	if p := ask(v, "pools", time.Hour, func(context.Context, *report.Reader) (string, error) { return "after", nil }); p.Value != "after" {
		t.Errorf("told how it was %s", p.Value)
	}
}
