package demo

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func call(t *testing.T, h http.Handler, key, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, PublishPath, strings.NewReader(body))
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestEndpointRefusesOneCallInItsLife(t *testing.T) {
	t.Parallel()
	h := Endpoint()
	refused := 0
	for _, date := range BizDates() {
		body := `{"biz_date": "` + date + `", "tag": "champions"}`
		w := call(t, h, date, body)
		if w.Code == http.StatusServiceUnavailable {
			refused++
			if date != "1997-03-31" || w.Header().Get("Retry-After") != "1" {
				t.Errorf("refused %s with Retry-After %q", date, w.Header().Get("Retry-After"))
			}
			w = call(t, h, date, body)
		}
		if w.Code != http.StatusOK {
			t.Errorf("%s: status %d", date, w.Code)
		}
	}
	if refused != 1 {
		t.Errorf("%d calls were refused, want 1", refused)
	}
}

func TestEndpointAnswersARepeatWithTheSameReceipt(t *testing.T) {
	t.Parallel()
	h := Endpoint()
	body := `{"biz_date": "1998-06-30", "tag": "champions"}`
	first, repeat, other := call(t, h, "a", body), call(t, h, "a", body), call(t, h, "b", body)
	want := `{"biz_date":"1998-06-30","tag":"champions","publication":1}` + "\n"
	if first.Body.String() != want || repeat.Body.String() != want {
		t.Errorf("first %q, repeat %q, want %q", first.Body, repeat.Body, want)
	}
	if !strings.Contains(other.Body.String(), `"publication":2`) {
		t.Errorf("another key got %q", other.Body)
	}
}

func TestEndpointRefusesWhatItCannotTake(t *testing.T) {
	t.Parallel()
	h := Endpoint()
	for name, c := range map[string]struct{ key, body string }{
		"no idempotency key": {"", `{"biz_date": "1998-06-30", "tag": "champions"}`},
		"no JSON":            {"a", `biz_date=1998-06-30`},
		"no tag":             {"a", `{"biz_date": "1998-06-30"}`},
		"no date":            {"a", `{"tag": "champions"}`},
		"too long":           {"a", `{"tag": "` + strings.Repeat("x", maxPublication) + `"}`},
	} {
		if w := call(t, h, c.key, c.body); w.Code != http.StatusBadRequest {
			t.Errorf("%s: status %d, want 400", name, w.Code)
		}
	}
}
