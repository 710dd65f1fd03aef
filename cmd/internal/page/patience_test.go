package page

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
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
	v := &visit{frame: &frame{Live: true}, page: &Page{shared: newShared()}, r: httptest.NewRequest("GET", "/", nil)}
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
	v := &visit{frame: &frame{Live: true}, page: &Page{shared: newShared(), patience: time.Hour}, r: httptest.NewRequest("GET", "/", nil)}
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
	v := &visit{frame: &frame{Live: true}, page: &Page{shared: newShared()}, r: httptest.NewRequest("GET", "/", nil)}
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
	v := &visit{frame: &frame{Live: true}, page: &Page{shared: newShared(), patience: time.Hour}, r: httptest.NewRequest("GET", "/", nil)}
	v.now = time.Now()
	defer func() {
		if recover() == nil {
			t.Error("nobody is told of a panic")
		}
	}()
	later(v, "end", 0, func(context.Context, *report.Reader) (int, error) { panic("at work") })
}

// A page that does not look again is whole, and one that is open already does not lose what
// it shows: both wait.
func TestWhoIsNotKeptWaitingGetsAll(t *testing.T) {
	t.Parallel()
	poll := httptest.NewRequest("GET", "/", nil)
	poll.Header.Set("HX-Request", "true")
	for name, v := range map[string]*visit{
		"still": {frame: &frame{}, r: httptest.NewRequest("GET", "/", nil)},
		"poll":  {frame: &frame{Live: true}, r: poll},
	} {
		v.page = &Page{shared: newShared()} // without patience
		if p := later(v, "end", time.Hour, func(context.Context, *report.Reader) (int, error) { <-time.After(2 * leastPatience); return 2, nil }); p.Value != 2 || v.soon {
			t.Errorf("%s: shows %+v, soon again: %t", name, p, v.soon)
		}
	}
}

// What is left for the next look says so, and how to look without a script.
func TestWhatComesLaterHasAPlace(t *testing.T) {
	t.Parallel()
	f := &frame{Path: "/batches/nightly", Zone: time.UTC}
	for name, data := range map[string]any{
		"batch": batchData{Batch: report.BatchDetail{Batch: "nightly", Counts: report.Counts{Failed: 1}}, End: part[ending]{Later: true}, Waits: part[[]waiting]{Later: true}, Causes: part[[]report.Cause]{Later: true}},
		"gantt": ganttData{Title: "Gantt of nightly", Batch: "nightly", Gantt: part[ganttAnswer]{Later: true}},
	} {
		var page strings.Builder
		if err := templates[name].ExecuteTemplate(&page, "content", content{f, data}); err != nil {
			t.Fatal(err)
		}
		want := map[string]int{"batch": 3, "gantt": 1}[name]
		if got := strings.Count(page.String(), `<a href="/batches/nightly">look again</a>`); got != want || strings.Contains(page.String(), "<tbody>") {
			t.Errorf("%s: %d places, want %d, and no table:\n%s", name, got, want, page.String())
		}
	}
}
