package runner_test

import (
	"net/url"
	"testing"

	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestSQLArgumentsArriveInEveryEncoding(t *testing.T) {
	t.Parallel()
	for encoding, want := range map[string]string{"UTF8": "c3a9", "LATIN1": "e9", "EUC_CN": "a8a6"} {
		t.Run(encoding, func(t *testing.T) {
			db := storetest.Encoded(t, encoding)
			u, err := url.Parse(db.URL)
			if err != nil {
				t.Fatal(err)
			}
			s := newSQL(t, map[string]string{"x": u.String()}, runner.SQLOptions{PoolSize: 1})
			const stored = `{"statement": "SELECT $1::text AS text, encode(convert_to($1, current_setting('server_encoding')), 'hex') AS bytes, 'é' AS literal", "args": ["é"]}`
			out, err := s.Run(t.Context(), job(stored))
			if err != nil {
				t.Fatal(err)
			}
			wantJSON(t, out.Value, `{"text": "é", "bytes": "`+want+`", "literal": "é"}`)
		})
	}
}

func TestSQLStatementsThatChangeTheEncodingAreRefused(t *testing.T) {
	t.Parallel()
	source, _ := database(t)
	s := newSQL(t, map[string]string{"x": source}, runner.SQLOptions{PoolSize: 1})
	_, err := s.Run(t.Context(), job(`{"statements": [{"statement": "SET client_encoding = LATIN1"}, {"statement": "SELECT $1::text", "args": ["é"]}]}`))
	wantFailure(t, err, "encoding_changed", true, "statement 2 of 2", "LATIN1")
	out, err := s.Run(t.Context(), job(`{"statement": "SELECT $1::text AS t", "args": ["é"]}`)) // on the same connection
	if err != nil {
		t.Fatal(err)
	}
	wantJSON(t, out.Value, `{"t": "é"}`)
}
