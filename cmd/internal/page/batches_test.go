package page_test

import (
	"net/http"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/access"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestBatchesOfADAGAndADay(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec(`INSERT INTO tagexec.tag_batches (batch, dag_id, created_at)
	         VALUES ('b-one', 'daily', '2026-11-20 23:30Z'), ('b-two', 'daily', '2026-11-21 12:00Z'), ('b-three', 'hourly', '2026-11-21 12:00Z'), ('b-four', NULL, '2026-11-22')`)
	s := open(t, db.URL, access.Viewer)
	has(t, s.get("/batches?dag=daily"), http.StatusOK, ">b-one<", ">b-two<", "!>b-three<", "!>b-four<", `value="daily"`, "dag=daily&amp;which=open")
	has(t, s.get("/batches?created_since=2026-11-21&created_until=2026-11-22"), http.StatusOK, "!>b-one<", ">b-two<", ">b-three<", "!>b-four<")
	has(t, s.get("/batches?created_since=2026-11-21&created_until=2026-11-22&tz=Europe/Berlin"), http.StatusOK, ">b-one<", ">b-two<", `name="tz" value="Europe/Berlin"`)
	has(t, s.get("/batches?dag=none"), http.StatusOK, "No batch matches.", "Show all batches")
	has(t, s.get("/batches?created_since=x"), http.StatusBadRequest, "created_since=x")
	has(t, s.get("/batches?dag=hourly&format=csv"), http.StatusOK, "b-three,hourly", "!b-two")
}
