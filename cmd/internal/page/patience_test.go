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

// Wait makes a page wait for all that it shows.
func (p *Page) Wait() { p.patience = time.Minute }

// What a page can be shown without is not waited for; the next look has it.
func TestAPageIsShownWithoutWhatTakesLong(t *testing.T) {
	t.Parallel()
	v := &visit{frame: &frame{}, page: &Page{shared: newShared()}, r: httptest.NewRequest("GET", "/", nil)}
	done := make(chan bool)
	question := func(context.Context, *report.Reader) (int, error) { <-done; return 2, nil }
	if p := later(v, "end", time.Hour, question); !p.Later || p.Known || p.Problem != "" || !v.soon {
		t.Errorf("the first look shows %+v, soon again: %t", p, v.soon)
	}
	close(done)
	clitest.Eventually(t, "the answer", func() bool { return later(v, "end", time.Hour, question).Value == 2 })
}

// What is quick is there at the first look, and so is why it is not.
func TestAPageWaitsForWhatIsQuick(t *testing.T) {
	t.Parallel()
	v := &visit{frame: &frame{}, page: &Page{shared: newShared(), patience: time.Hour}, r: httptest.NewRequest("GET", "/", nil)}
	v.now = time.Now()
	if p := later(v, "quick", 0, func(context.Context, *report.Reader) (int, error) { return 1, nil }); p.Value != 1 || p.Later {
		t.Errorf("shows %+v", p)
	}
	if p := later(v, "refused", 0, func(context.Context, *report.Reader) (int, error) { return 0, errors.New("away") }); p.Problem == "" || p.Later {
		t.Errorf("shows %+v", p)
	}
}

// A problem stays until there is an answer, else a section would change with each look.
func TestAProblemIsShownWhileItIsAskedAnew(t *testing.T) {
	t.Parallel()
	v := &visit{frame: &frame{}, page: &Page{shared: newShared()}, r: httptest.NewRequest("GET", "/", nil)}
	v.page.shared.note(`end as ""`, nil, time.Now(), errors.New("away"))
	done := make(chan bool)
	defer close(done)
	p := later(v, "end", 0, func(context.Context, *report.Reader) (int, error) { <-done; return 2, nil })
	if p.Later || p.Problem == "" {
		t.Errorf("shows %+v", p)
	}
}

// Who looks at what panics panics where it is logged.
func TestWhatPanicsBehindAPagePanicsBeforeIt(t *testing.T) {
	t.Parallel()
	v := &visit{frame: &frame{}, page: &Page{shared: newShared(), patience: time.Hour}, r: httptest.NewRequest("GET", "/", nil)}
	v.now = time.Now()
	defer func() {
		if recover() == nil {
			t.Error("nobody is told of a panic")
		}
	}()
	later(v, "end", 0, func(context.Context, *report.Reader) (int, error) { panic("at work") })
}
