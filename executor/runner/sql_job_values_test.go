package runner_test

import (
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor/runner"
)

func TestSQLArgumentsThatAreValuesOfTheJob(t *testing.T) {
	t.Parallel()
	source, _ := database(t)
	s := newSQL(t, map[string]string{"x": source}, runner.SQLOptions{})
	day := time.Date(1997, 1, 31, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		payload string
		day     *time.Time
		want    string
	}{
		"all of them": {`{"statement": "SELECT $1::bigint AS id, $2::int AS attempt, $3::text AS tag, $4::date AS day",
			"args": [{"$job": "id"}, {"$job": "attempt"}, {"$job": "tag"}, {"$job": "biz_date"}]}`, &day,
			`{"id": 42, "attempt": 2, "tag": "high_value", "day": "1997-01-31"}`},
		"no business date": {`{"statement": "SELECT $1::date AS day", "args": [{"$job": "biz_date"}]}`, nil, `{"day": null}`},
		"in each of several statements": {`{"statements": [{"statement": "CREATE TEMPORARY TABLE done AS SELECT $1::bigint AS id", "args": [{"$job": "id"}]},
			{"statement": "SELECT id, $1::text AS tag FROM done", "args": [{"$job": "tag"}]}]}`, nil, `{"id": 42, "tag": "high_value"}`},
		"an object with further members": {`{"statement": "SELECT $1::jsonb AS v", "args": [{"$job": "id", "more": 1}]}`, nil, `{"v": {"$job": "id", "more": 1}}`},
		"an object inside of another":    {`{"statement": "SELECT $1::jsonb AS v", "args": [{"a": {"$job": "id"}}]}`, nil, `{"v": {"a": {"$job": "id"}}}`},
		"an object in an array":          {`{"statement": "SELECT $1::jsonb AS v", "args": [[{"$job": "id"}]]}`, nil, `{"v": [{"$job": "id"}]}`},
		"a text":                         {`{"statement": "SELECT $1::text AS v", "args": ["{\"$job\": \"id\"}"]}`, nil, `{"v": "{\"$job\": \"id\"}"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			about := job(c.payload)
			about.BizDate = c.day
			report, err := s.Run(t.Context(), about)
			if err != nil {
				t.Fatal(err)
			}
			wantJSON(t, report.Value, c.want)
		})
	}
}

func TestSQLArgumentsThatNameNoValueOfTheJobAreRefused(t *testing.T) {
	t.Parallel()
	source, super := database(t)
	must(t, super, "CREATE TABLE t (n int); GRANT ALL ON t TO PUBLIC")
	s := newSQL(t, map[string]string{"x": source}, runner.SQLOptions{})
	for name, c := range map[string]struct{ arg, want string }{
		"an unknown one": {`{"$job": "payload"}`, `payload: statements[1]: args[1]: "payload" names no value of a job; these are: attempt, biz_date, id, tag`},
		"a number":       {`{"$job": 1}`, `payload: statements[1]: args[1]: 1 names no value of a job`},
		"nothing":        {`{"$job": null}`, `payload: statements[1]: args[1]: null names no value of a job`},
		"an object":      {`{"$job": {"$job": "id"}}`, `names no value of a job`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.Run(t.Context(), job(`{"statements": [{"statement": "INSERT INTO t VALUES (1)"}, {"statement": "SELECT $1::int, $2::int", "args": [1, `+c.arg+`]}]}`))
			wantFailure(t, err, "bad_payload", true, c.want)
		})
	}
	if n := value(t, super, "SELECT count(*) FROM t"); n != "0" {
		t.Errorf("%s rows were written", n)
	}
}
