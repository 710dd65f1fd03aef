package page_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/access"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestWhatNoTextInADatabaseIs(t *testing.T) {
	t.Parallel()
	s := open(t, storetest.New(t).URL, access.Operator)
	for _, path := range []string{"/tags/%00", "/pools/%FF", "/batches/a%00b", "/batches/%FF/gantt", "/jobs?tag=%00", "/actions?pool=%FF", "/tags?from=%00", "/find?q=%00", "/batches?dag=a%00", "/?%00=1"} {
		has(t, s.get(path), http.StatusBadRequest, "holds a character that no", "!SQLSTATE")
	}
	has(t, s.post("/do/create-pool", url.Values{"pool": {"a\x00"}, "slots": {"1"}, "reason": {"r"}}), http.StatusBadRequest, "Pool holds a character", "!SQLSTATE")
}
