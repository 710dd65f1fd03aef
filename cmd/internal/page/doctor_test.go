package page_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/access"
	"github.com/tagexec/tagexec/store/storetest"
)

// Nobody looks until somebody asks for it, who may act; then all see what was found.
func TestDoctorLooksWhenSomebodyAsks(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	has(t, open(t, db.URL, access.Viewer).post("/doctor", url.Values{}), http.StatusForbidden, "it reads all tables")
	s := open(t, db.URL, access.Operator)
	has(t, s.get("/doctor"), http.StatusOK, "Nobody has looked yet", "!vacuum_horizon")
	has(t, s.get("/"), http.StatusOK, `href="/doctor"`)
	db.Insert(storetest.Row{"tag": "due"}) // and no executor takes it
	holds := db.Conn()
	if _, err := holds.Exec(t.Context(), "BEGIN; LOCK TABLE tagexec.tag_pools"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if w := s.post("/doctor", url.Values{}); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/doctor" {
			t.Fatalf("%d, to %s", w.Code, w.Header().Get("Location"))
		}
	}
	storetest.Eventually(t, "a check waits", func() bool { return db.Waiting() == 1 })
	has(t, s.get("/doctor"), http.StatusOK, "The queue is being looked at.", "Looking since", "!<button class=\"primary\">")
	if _, err := holds.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	storetest.Eventually(t, "the checks end", func() bool { return contains(s.get("/doctor"), "Look again") })
	has(t, s.get("/doctor"), http.StatusOK, "1 thing is wrong with the queue, as it was", "vacuum_horizon", "finding")
	has(t, s.get("/doctor?format=csv"), http.StatusOK, "level,check,detail,remedy", "ok,", "!\"ok\"")
}
