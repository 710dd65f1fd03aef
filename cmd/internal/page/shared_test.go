package page

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"
	"time"

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
