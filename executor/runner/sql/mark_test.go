package sql_test

import (
	"strings"
	"testing"

	"github.com/tagexec/tagexec/executor/runner/sql"
)

func TestComments(t *testing.T) {
	t.Parallel()
	about := sql.Job{Queue: "5f0c2a9be771", ID: 7, Attempt: 2, Tag: "high_value"}
	for name, c := range map[string]struct{ tag, batch, want string }{
		"without a batch":            {"high_value", "", "/* tagexec 5f0c2a9be771 job=7 attempt=2 tag=high_value */"},
		"with one":                   {"high_value", "nightly:2026-11-30", "/* tagexec 5f0c2a9be771 job=7 attempt=2 tag=high_value batch=nightly:2026-11-30 */"},
		"what would end the comment": {"*/ DROP TABLE x; --", "a\nb", "/* tagexec 5f0c2a9be771 job=7 attempt=2 tag=___DROP_TABLE_x__-- batch=a_b */"},
		"what no engine may see":     {"é?{$1}'\"`", "", "/* tagexec 5f0c2a9be771 job=7 attempt=2 tag=____1____ */"},
		"a long tag":                 {strings.Repeat("x", 5000), "", "/* tagexec 5f0c2a9be771 job=7 attempt=2 tag=" + strings.Repeat("x", 100) + " */"},
	} {
		t.Run(name, func(t *testing.T) {
			j := about
			j.Tag, j.Batch = c.tag, c.batch
			if got := j.Comment(); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestCommentsTellTheEarlierAttemptsOfAJob(t *testing.T) {
	t.Parallel()
	own := sql.Job{Queue: "5f0c2a9be771", ID: 7, Attempt: 2}
	for name, c := range map[string]struct {
		other sql.Job
		found bool
	}{
		"an earlier attempt":               {sql.Job{Queue: own.Queue, ID: 7, Attempt: 1, Tag: "x"}, true},
		"this attempt":                     {own, false},
		"a later attempt":                  {sql.Job{Queue: own.Queue, ID: 7, Attempt: 10}, false},
		"another queue":                    {sql.Job{Queue: "b00b1e5cafe0", ID: 7, Attempt: 1}, false},
		"a job whose number begins so":     {sql.Job{Queue: own.Queue, ID: 70, Attempt: 1}, false},
		"another job that has it as a tag": {sql.Job{Queue: own.Queue, ID: 8, Attempt: 1, Tag: own.Mark() + " attempt=1 "}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := own.IsOfEarlier(c.other.Comment() + " SELECT 1"); got != c.found {
				t.Errorf("found in %s: %v", c.other.Comment(), got)
			}
		})
	}
	if got := own.Token(); got != "tagexec-5f0c2a9be771-7" {
		t.Errorf("the token is %s", got)
	}
}
