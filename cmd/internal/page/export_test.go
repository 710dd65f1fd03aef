package page_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/access"
	"github.com/tagexec/tagexec/store/report"
	"github.com/tagexec/tagexec/store/storetest"
)

// A list as CSV or JSON has all rows that the page has on all its pages, in the same order,
// under the names of the columns of schema tagreport.
func TestListsAsCSVAndJSON(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_batches (batch, created_at) SELECT 'b' || i, '2026-11-22'::timestamptz + i * interval '1 s' FROM generate_series(1, 1100) i")
	db.Exec("INSERT INTO tagexec.tag_batches (batch, created_at) VALUES ('=1+1', '2026-11-23')")
	s := open(t, db.URL, access.Viewer)

	w := s.get("/batches?format=csv&tz=Europe/Berlin")
	lines, err := csv.NewReader(w.Body).ReadAll()
	if err != nil || len(lines) != 1102 || lines[0][0] != "batch" || lines[0][3] != "created_at" {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	if lines[1][0] != "'=1+1" || lines[1][3] != "2026-11-23T01:00:00+01:00" || lines[2][0] != "b1100" || lines[1101][0] != "b1" {
		t.Errorf("got %q, %q, %q", lines[1], lines[2], lines[1101])
	}

	w = s.get("/batches?format=json&from=2026-11-22T00:00:04Z+b4")
	var rows []report.Batch
	if err := json.Unmarshal(w.Body.Bytes(), &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 3 || rows[0].Batch != "b3" || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("got %v", rows)
	}
	has(t, s.get("/batches?which=open&format=json"), http.StatusOK, "[]")
	has(t, s.get("/batches?format=xls"), http.StatusBadRequest, "csv or json")
	has(t, s.get("/batches?format=csv&from=x"), http.StatusBadRequest, "no place in the list")
}

// A list ends after so many rows, and says where it goes on.
func TestALongListIsGivenInParts(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_batches (batch, created_at) SELECT 'b' || i, '2026-11-22'::timestamptz + i * interval '1 s' FROM generate_series(1, 10001) i")
	s := open(t, db.URL, access.Viewer)
	w := s.get("/batches?format=json")
	var rows []report.Batch
	if err := json.Unmarshal(w.Body.Bytes(), &rows); err != nil {
		t.Fatal(err)
	}
	if last := rows[len(rows)-1].Batch; last != fmt.Sprintf("b%d", 10_001-len(rows)+1) {
		t.Errorf("the last of %d is %s", len(rows), last)
	}
	rest := w.Result().Trailer.Get("Tagexec-Rest")
	if len(rows) > 10_000 || rest == "" {
		t.Fatalf("%d rows, the rest is at %q", len(rows), rest)
	}
	for len(rows) < 10_001 && rest != "" { // a busy machine may give less at a time
		var more []report.Batch
		w = s.get(rest)
		if err := json.Unmarshal(w.Body.Bytes(), &more); err != nil {
			t.Fatal(err)
		}
		rows, rest = append(rows, more...), w.Result().Trailer.Get("Tagexec-Rest")
	}
	if len(rows) != 10_001 || rest != "" {
		t.Errorf("%d rows, the rest is at %q", len(rows), rest)
	}
}
