package clickhouse_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/sql"
)

func TestErrorsAreToldInOurWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		body, code, message string
		permanent           bool
	}{
		{"Code: 60. DB::Exception: Table marts.missing does not exist. (UNKNOWN_TABLE) (version 24.8.1.1 (official build))", "60", "unknown table marts.missing", true},
		{"Code: 60. DB::Exception: Unknown table expression identifier 'missing' in scope SELECT 'S3cret' FROM missing. (UNKNOWN_TABLE) (version 25.1.1)", "60", "unknown table missing", true},
		{"Code: 47. DB::Exception: Missing columns: 'nick' while processing query: 'SELECT nick, 'S3cret''. (UNKNOWN_IDENTIFIER)", "47", "unknown column nick", true},
		{"Code: 47, e.displayText() = DB::Exception: Unknown identifier: S3cret-4711, e.what() = DB::Exception", "47", "unknown column", true},
		{"Code: 62. DB::Exception: Syntax error: failed at position 80 ('FORM') (line 1, col 8): FORM 'S3cret'. Expected one of. (SYNTAX_ERROR)", "62", "syntax error at line 1, column 8", true},
		{"Code: 46. DB::Exception: Unknown function missing. (UNKNOWN_FUNCTION)", "46", "unknown function missing", true},
		{"Code: 6. DB::Exception: Cannot parse string 'S3cret' as Int8. (CANNOT_PARSE_TEXT)", "6", "a text cannot be read as the type it should have", false},
		{"Code: 241. DB::Exception: Memory limit (total) exceeded. (MEMORY_LIMIT_EXCEEDED)", "241", "memory limit reached", false},
		{"Code: 497. DB::Exception: etl_login: Not enough privileges. (ACCESS_DENIED)", "497", "a right is missing", false},
		{"Code: 452. DB::Exception: Setting S3cret should not be. (SETTING_CONSTRAINT_VIOLATION) (version 24.8.1.1)\n", "452", "the server refused it: SETTING_CONSTRAINT_VIOLATION", false},
		{"Code: 456. DB::Exception: Substitution `day` is not set. (UNKNOWN_QUERY_PARAMETER)", sql.BadPayload, "params holds no value for day", true},
		{"Code: 457. DB::Exception: Value S3cret cannot be parsed as Int8 for query parameter 'id' because. (BAD_QUERY_PARAMETER)", sql.BadPayload, "params holds a value of a wrong type for id", true},
	} {
		f := newFake(t, func(w http.ResponseWriter, _ asked) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, c.body)
		})
		report, err := run(t, t.Context(), f.source(), `{"statement": "SELECT FORM 'S3cret'"}`)
		got := failure(t, err)
		if got.Code != c.code || got.Message != c.message || got.Permanent != c.permanent {
			t.Errorf("%s\nbecame %v, permanent %v", c.body, got, got.Permanent)
		}
		if !strings.Contains(report.Output, strings.TrimSpace(c.body)) {
			t.Errorf("the output does not hold all: %q", report.Output)
		}
	}
}

func TestAServerThatIsFullCountsNoAttempt(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(w http.ResponseWriter, a asked) {
		if strings.HasSuffix(a.Text, "INSERT") {
			return
		}
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, "Code: 202. DB::Exception: Too many simultaneous queries for all users. Current: 100, maximum: 100. (TOO_MANY_SIMULTANEOUS_QUERIES)")
	})
	_, err := run(t, t.Context(), f.source(), `{"statement": "SELECT 1"}`)
	if u := (*executor.Unavailable)(nil); !errors.As(err, &u) || failure(t, err).Code != "202" || failure(t, err).Permanent {
		t.Errorf("got %v, want that the source is unavailable", err)
	}
	_, err = run(t, t.Context(), f.source(), `{"statements": [{"statement": "INSERT"}, {"statement": "SELECT 1"}], "atomic": false}`)
	if u := (*executor.Unavailable)(nil); errors.As(err, &u) || !strings.HasSuffix(failure(t, err).Message, "what statement 1 did stays") {
		t.Errorf("at the second statement: got %v, want a failure", err)
	}
}

func TestALoginThatIsRefused(t *testing.T) {
	t.Parallel()
	f := newFake(t, nothing)
	f.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "Code: 516. DB::Exception: etl_login: Authentication failed: password "+password+" is incorrect. (AUTHENTICATION_FAILED)")
	})
	_, err := run(t, t.Context(), f.source(), `{"statement": "SELECT 1"}`)
	if got := failure(t, err); got.Code != "516" || got.Permanent || !strings.HasSuffix(got.Message, "the login was refused") {
		t.Errorf("got %v", got)
	}
}

func TestAFailureBehindAStatusThatSaysSuccess(t *testing.T) {
	t.Parallel()
	const columns = `{"meta":[{"name":"a","type":"UInt8"}],"data":[[1],`
	for _, body := range []string{
		"Code: 395. DB::Exception: Value passed to 'throwIf' function is non-zero. (FUNCTION_THROW_IF_VALUE_IS_NON_ZERO)",
		columns + "[2]\nCode: 395. DB::Exception: Value passed. (FUNCTION_THROW_IF_VALUE_IS_NON_ZERO)",
		columns + "[2]],\n\t\"rows\": 2,\n\n\t\"exception\": \"Code: 395. DB::Exception: Value passed. (FUNCTION_THROW_IF_VALUE_IS_NON_ZERO)\"\n}",
		columns + strings.Repeat("[2],", 100_000) + "[3]\r\n__exception__\r\nabc\r\nCode: 395. DB::Exception: Value passed. (FUNCTION_THROW_IF_VALUE_IS_NON_ZERO)\r\n",
	} {
		f := newFake(t, func(w http.ResponseWriter, _ asked) { _, _ = io.WriteString(w, body) })
		_, err := run(t, t.Context(), f.source(), `{"statement": "SELECT throwIf(1)"}`)
		if got := failure(t, err); got.Code != "395" || got.Permanent {
			t.Errorf("%.80s became %v", body, got)
		}
	}
}

func TestTheFirstRowIsExact(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(w http.ResponseWriter, _ asked) {
		w.Header().Set("X-ClickHouse-Summary", `{"read_rows":"1","written_rows":"0"}`)
		one(w, `{"name":"a","type":"Nullable(Int64)"},{"name":"b","type":"Decimal(38, 2)"},{"name":"c","type":"String"},{"name":"d","type":"LowCardinality(Nullable(UInt64))"},{"name":"e","type":"Array(Int64)"},{"name":"f","type":"Float64"}`,
			`["9223372036854775807",12345678901234567890.10,"123",null,["1"],-0.5],["1",2,"Code: 1. DB::","4",[],6]`)
	})
	report, err := run(t, t.Context(), f.source(), `{"statement": "SELECT 1"}`)
	const want = `{"a":9223372036854775807,"b":12345678901234567890.10,"c":"123","d":null,"e":["1"],"f":-0.5}`
	if err != nil || string(report.Value) != want || report.RowsAffected == nil || *report.RowsAffected != 0 {
		t.Errorf("got %s, %v rows, %v", report.Value, report.RowsAffected, err)
	}
}

func TestWrittenRowsAreCounted(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(w http.ResponseWriter, _ asked) {
		w.Header().Set("X-ClickHouse-Summary", `{"read_rows":"7","written_rows":"4711","result_rows":"7"}`)
	})
	report, err := run(t, t.Context(), f.source(), `{"statement": "INSERT INTO t SELECT 1"}`)
	if err != nil || report.RowsAffected == nil || *report.RowsAffected != 4711 || report.Value != nil {
		t.Errorf("got %v rows, %s, %v", report.RowsAffected, report.Value, err)
	}
}

func TestARowThatIsNoResult(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]string{300 << 10: "no result", 1100 << 10: "row_too_large", 3 << 20: "row_too_large"} {
		f := newFake(t, func(w http.ResponseWriter, _ asked) {
			one(w, `{"name":"a","type":"String"}`, `["`+strings.Repeat("x", size)+`"]`)
		})
		report, err := run(t, t.Context(), f.source(), `{"statement": "SELECT 1"}`)
		if want == "no result" && (err != nil || report.Value != nil || !strings.Contains(report.Output, want)) {
			t.Errorf("%d bytes: %v, %q", size, err, report.Output)
		}
		if want != "no result" && (failure(t, err).Code != want || !failure(t, err).Permanent) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	for format, answer := range map[string]string{"TSV": "1\t2\n", "JSONEachRow": "{\"a\":1}\n"} {
		f := newFake(t, func(w http.ResponseWriter, _ asked) { _, _ = io.WriteString(w, answer) })
		report, err := run(t, t.Context(), f.source(), `{"statement": "SELECT 1 FORMAT `+format+`"}`)
		if err != nil || report.Value != nil || !strings.Contains(report.Output, "FORMAT") {
			t.Errorf("%s: %v, %q", format, err, report.Output)
		}
	}
}
