package trino_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/sql"
	"github.com/tagexec/tagexec/executor/runner/sql/enginetest"
)

func TestErrorsAreToldInOurWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		told, payload, code, message string
		permanent                    bool
	}{
		{`"message":"line 2:6: Table 'lake.marts.missing' does not exist","errorName":"TABLE_NOT_FOUND","errorLocation":{"lineNumber":2,"columnNumber":6}`, `{"statement": "SELECT 1"}`, "TABLE_NOT_FOUND", "table not found: lake.marts.missing at line 2, column 6", true},
		{`"message":"line 1:8: Column 's3cret-4711' cannot be resolved","errorName":"COLUMN_NOT_FOUND","errorLocation":{"lineNumber":1,"columnNumber":8}`, `{"statement": "SELECT 1"}`, "COLUMN_NOT_FOUND", "column not found at line 1, column 8", true},
		{`"message":"line 1:27: mismatched input 'S3cret'","errorName":"SYNTAX_ERROR","errorLocation":{"lineNumber":1,"columnNumber":27}`, `{"statement": "SELECT ?", "args": [1]}`, "SYNTAX_ERROR", "syntax error at line 1", true},
		{`"message":"Cannot cast 'S3cret' to BIGINT","errorName":"INVALID_CAST_ARGUMENT","errorType":"USER_ERROR"`, `{"statement": "SELECT 1"}`, "INVALID_CAST_ARGUMENT", "invalid cast argument", false},
		{`"message":"Query killed. Message: S3cret","errorName":"ADMINISTRATIVELY_KILLED","errorType":"USER_ERROR"`, `{"statement": "SELECT 1"}`, "ADMINISTRATIVELY_KILLED", "administratively killed", false},
		{`"message":"Query was canceled","errorName":"USER_CANCELED","errorType":"USER_ERROR"`, `{"statement": "SELECT 1"}`, "USER_CANCELED", "user canceled", false},
		{`"message":"line 1:20: Incorrect number of parameters","errorName":"INVALID_PARAMETER_USAGE"`, `{"statement": "SELECT ?"}`, sql.BadPayload, "args holds another number of values than the statement has ?", true},
	} {
		f := newFake(t, false, func(_ *fake, w http.ResponseWriter, _ asked) { finished(w, `,"error":{`+c.told+`}`) })
		report, err := run(t, t.Context(), f.source("trino"), c.payload, 1)
		got := failure(t, err)
		if got.Code != c.code || got.Message != c.message || got.Permanent != c.permanent {
			t.Errorf("%s\nbecame %v, permanent %v", c.told, got, got.Permanent)
		}
		if !strings.Contains(report.Output, c.code) && c.code != sql.BadPayload || !strings.Contains(report.Output, ": ") {
			t.Errorf("the output does not hold all: %q", report.Output)
		}
	}
}

func TestWhereNoJobCanBegin(t *testing.T) {
	t.Parallel()
	for want, answer := range map[string]http.HandlerFunc{
		"the login was refused": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v1/info" {
				fmt.Fprint(w, `{"nodeVersion":{"version":"476"}}`)
				return
			}
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, "etl_login: wrong password "+password)
		},
		"has not started yet": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"nodeVersion":{"version":"476"},"starting":true}`)
		},
		"is not Trino":    func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>"+password) },
		"an error of its": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		"with an error of": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v1/info" {
				fmt.Fprint(w, `{"nodeVersion":{"version":"476"}}`)
				return
			}
			w.WriteHeader(http.StatusInternalServerError)
		},
		"is not followed": http.RedirectHandler("/elsewhere", http.StatusFound).ServeHTTP,
		"Trino":           http.NotFound,
		"hung up before":  func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		f := httptest.NewTLSServer(answer)
		_, err := run(t, t.Context(), (&fake{&enginetest.Fake{Server: f}}).source("trino"), `{"statement": "SELECT 1"}`, 1)
		f.Close()
		if got := failure(t, err); got.Permanent || !strings.Contains(got.Message, want) {
			t.Errorf("got %v, want %q", got, want)
		}
	}
}

func TestTheFirstRowIsExact(t *testing.T) {
	t.Parallel()
	f := newFake(t, false, func(f *fake, w http.ResponseWriter, a asked) {
		switch a.Path {
		case "/v1/statement": // no rows yet
			fmt.Fprintf(w, `{"id":"q1","nextUri":"%s/1","columns":[{"name":"a","type":"bigint"},{"name":"b","type":"decimal(38,2)"},{"name":"c","type":"varchar"},{"name":"d","type":"unknown"}]}`, f.URL)
		case "/1":
			fmt.Fprintf(w, `{"id":"q1","data":[[9223372036854775807,"12345678901234567890.10","1.5",null],[2,"1","",null]],"nextUri":"%s/2"}`, f.URL)
		default:
			finished(w, `,"data":[[3,"2","",null]]`)
		}
	})
	report, err := run(t, t.Context(), f.source("trino"), `{"statement": "SELECT 1"}`, 1)
	if want := `{"a":9223372036854775807,"b":12345678901234567890.10,"c":"1.5","d":null}`; err != nil || string(report.Value) != want || *report.RowsAffected != 0 {
		t.Errorf("got %s, %v", report.Value, err)
	}
}

func TestARowThatIsNoResult(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]string{300 << 10: "no result", 1100 << 10: "row_too_large"} {
		f := newFake(t, false, func(_ *fake, w http.ResponseWriter, _ asked) {
			finished(w, `,"columns":[{"name":"a","type":"varchar"}],"data":[["`+strings.Repeat("x", size)+`"]]`)
		})
		report, err := run(t, t.Context(), f.source("trino"), `{"statement": "SELECT 1"}`, 1)
		if want == "no result" && (err != nil || report.Value != nil || !strings.Contains(report.Output, want)) {
			t.Errorf("%d bytes: %v, %q", size, err, report.Output)
		}
		if want != "no result" && (failure(t, err).Code != want || !failure(t, err).Permanent) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

func TestOnlyTheRowThatBecomesTheResultMustBeShort(t *testing.T) {
	t.Parallel()
	long := `["` + strings.Repeat("x", 1100<<10) + `"]`
	for payload, pages := range map[string][2]string{
		`{"statement": "SELECT 1"}`: {`["short"]`, long},
		`{"statements": [{"statement": "SELECT 1"}, {"statement": "INSERT"}], "atomic": false}`: {long, long},
	} {
		f := newFake(t, false, func(f *fake, w http.ResponseWriter, a asked) {
			switch {
			case a.Text == "INSERT":
				finished(w, `,"updateType":"INSERT","updateCount":1`)
			case a.Method == http.MethodPost:
				fmt.Fprintf(w, `{"id":"q1","nextUri":"%s/1","columns":[{"name":"a","type":"varchar"}],"data":[%s]}`, f.URL, pages[0])
			default:
				finished(w, `,"data":[`+pages[1]+`]`)
			}
		})
		if _, err := run(t, t.Context(), f.source("trino"), payload, 1); err != nil {
			t.Errorf("%s: %v", payload, err)
		}
	}
}

func TestAServerThatIsFullCountsNoAttempt(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]func(http.ResponseWriter){
		"of queries": func(w http.ResponseWriter) {
			finished(w, `,"error":{"message":"Too many queued queries for S3cret","errorName":"QUERY_QUEUE_FULL"}`)
		},
		"of requests": func(w http.ResponseWriter) { w.WriteHeader(http.StatusTooManyRequests) },
	} {
		f := newFake(t, false, func(_ *fake, w http.ResponseWriter, a asked) {
			if a.Text == "INSERT" {
				finished(w, `,"updateType":"INSERT","updateCount":1`)
				return
			}
			refuse(w)
		})
		_, err := run(t, t.Context(), f.source("trino"), `{"statement": "SELECT 1"}`, 1)
		if u := (*executor.Unavailable)(nil); !errors.As(err, &u) || failure(t, err).Permanent || strings.Contains(err.Error(), "S3cret") {
			t.Errorf("full %s: got %v, want that the source is unavailable", name, err)
		}
		_, err = run(t, t.Context(), f.source("trino"), `{"statements": [{"statement": "INSERT"}, {"statement": "SELECT 1"}], "atomic": false}`, 1)
		if u := (*executor.Unavailable)(nil); errors.As(err, &u) || !strings.HasSuffix(failure(t, err).Message, "what statement 1 did stays") {
			t.Errorf("full %s at the second statement: got %v, want a failure", name, err)
		}
	}
}
