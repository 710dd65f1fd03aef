//go:build engines

package mysql_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// number is written into a payload as it stands.
type number = json.Number

func TestTheFirstRowBecomesTheResultByTheTypesOfItsColumns(t *testing.T) {
	t.Parallel()
	url, admin := database(t)
	must(t, admin, `CREATE TABLE kinds (i bigint, u bigint unsigned, d decimal(20,4), f float, r double, day date, at datetime(3), time time,
		txt varchar(20), bin varbinary(20), doc json, bits bit(9), nothing int, mood enum('sad','happy'), y year)`)
	must(t, admin, `INSERT INTO kinds VALUES (-9223372036854775808, 18446744073709551615, 1234567890123456.7000, 1.1, 0.1, '2026-01-31', '2026-01-31 10:00:00.5', '25:01:02',
		'a''"ü', x'00ff', '{"a": 1}', b'100000001', NULL, 'happy', 2026)`)
	const want = `{"at":"2026-01-31 10:00:00.500","bin":"AP8=","bits":257,"d":1234567890123456.7000,"day":"2026-01-31","doc":"{\"a\": 1}","f":1.1,` +
		`"i":-9223372036854775808,"mood":"happy","nothing":null,"r":0.1,"time":"25:01:02","txt":"a'\"ü","u":18446744073709551615,"y":2026}`
	s := newSQL(t, url)
	for _, payload := range []string{
		statement("SELECT * FROM kinds"),
		statement("SELECT * FROM kinds WHERE i < ?", 0), // the values come in another form
	} {
		report, err := s.Run(t.Context(), job(payload))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(report.Value); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", payload, got, want)
		}
	}
}

func TestArgumentsAreBoundByTheirKind(t *testing.T) {
	t.Parallel()
	url, admin := database(t)
	must(t, admin, "CREATE TABLE k (i bigint, u bigint unsigned, d decimal(30,10), day date, b boolean, n int, doc json)")
	s := newSQL(t, url)
	insert := statement("INSERT INTO k VALUES (?, ?, ?, ?, ?, ?, ?)", number("-9223372036854775808"), number("18446744073709551615"),
		number("12345678901234567890.0123456789"), "2026-01-31", true, nil, map[string]any{"a": []int{1}})
	if _, err := s.Run(t.Context(), job(insert)); err != nil {
		t.Fatal(err)
	}
	const query = `SELECT concat_ws('|', i, u, d, day, b, n IS NULL, doc) FROM k`
	if got, want := value(t, admin, query), `-9223372036854775808|18446744073709551615|12345678901234567890.0123456789|2026-01-31|1|1|{"a":[1]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, tt := range []struct{ name, text, args, want string }{
		{"none where one is needed", "INSERT INTO t VALUES (?, '')", ``, "takes 1 arguments, args holds 0"},
		{"one too many", "INSERT INTO t VALUES (?, '')", `1,2`, "takes 1 arguments, args holds 2"},
		{"none in a text", "INSERT INTO t VALUES (1, '?')", `1`, "takes 0 arguments, args holds 1"},
	} {
		_, err := s.Run(t.Context(), job(`{"statement":"`+tt.text+`","args":[`+tt.args+`]}`))
		if f := wantFailure(t, err, "bad_payload", true); !strings.Contains(f.Message, tt.want) {
			t.Errorf("%s: %s", tt.name, f.Message)
		}
	}
	if n := value(t, admin, "SELECT count(*) FROM t"); n != "0" {
		t.Errorf("a refused statement has run: %s rows", n)
	}
}

func TestWhatHasNoArgumentsMayHoldAQuestionMark(t *testing.T) {
	t.Parallel()
	url, _ := database(t)
	report, err := newSQL(t, url).Run(t.Context(), job(statement("SELECT '?' AS a")))
	if err != nil || string(report.Value) != `{"a":"?"}` {
		t.Errorf("got %s, %v", report.Value, err)
	}
}

func TestRowsAreCounted(t *testing.T) {
	t.Parallel()
	url, admin := database(t)
	must(t, admin, "CREATE PROCEDURE touch() UPDATE t SET note = 'touched'")
	s := newSQL(t, url)
	const unknown = -1
	for _, tt := range []struct {
		text string
		want int64
	}{
		{"INSERT INTO t VALUES (1, ''), (2, '')", 2},
		{"/* why */ -- and how\nUPDATE t SET note = 'x'", 2},
		{"UPDATE t SET note = 'x'", 2}, // nothing changes
		{"SELECT * FROM t", 0},
		{"SELECT * FROM t WHERE id = 3", 0},
		{"CALL touch()", 2},
		{"SET @a = 1", 0},
		{"INSERT INTO t VALUES (3, '') RETURNING id", unknown},
		{"CREATE TABLE copy AS SELECT * FROM t", 3},
		{"DELETE FROM t", 3},
	} {
		report, err := s.Run(t.Context(), job(statement(tt.text)))
		if err != nil {
			t.Fatalf("%s: %v", tt.text, err)
		}
		got := int64(unknown)
		if report.RowsAffected != nil {
			got = *report.RowsAffected
		}
		if got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.text, got, tt.want)
		}
	}
}

func TestARowThatIsTooLargeEndsTheStatement(t *testing.T) {
	t.Parallel()
	url, _ := database(t)
	s := newSQL(t, url)
	_, err := s.Run(t.Context(), job(statement("SELECT repeat('x', 1 << 20) AS a, seq FROM seq_1_to_100000000")))
	wantFailure(t, err, "row_too_large", true)
	report, err := s.Run(t.Context(), job(statement("SELECT repeat('x', 300000) AS a")))
	if err != nil || report.Value != nil || !strings.Contains(report.Output, "is no result") {
		t.Errorf("got %d bytes, %v, output %s", len(report.Value), err, report.Output)
	}
}

// A server keeps only so many of them.
func TestAPreparedStatementIsClosed(t *testing.T) {
	t.Parallel()
	url, _ := database(t)
	report, err := newSQL(t, url).Run(t.Context(), job(`{"statements": [
		{"statement": "INSERT INTO t VALUES (?, '')", "args": [1]}, {"statement": "SELECT id FROM t WHERE id = ?", "args": [1]},
		{"statement": "SHOW SESSION STATUS LIKE 'Com_stmt_close'"}]}`))
	if err != nil || !strings.Contains(string(report.Value), `"Value":"2"`) {
		t.Errorf("got %s, %v, want two that were closed", report.Value, err)
	}
}
