package store

import (
	"context"
	"fmt"
	"strings"
	"unicode"

	"github.com/jackc/pgerrcode"
)

// recordOther records another result in place of one that Postgres refused with
// err, so that its job ends.
func (s *Store) recordOther(ctx context.Context, r Result, err error, fates []Fate) error {
	if code(err) == pgerrcode.UntranslatableCharacter { // the database is not in UTF-8
		if err = s.recordOnce(ctx, []Result{inASCII(r)}, fates); !badData(err) {
			return err
		}
	}
	return s.recordOnce(ctx, []Result{unstorable(r, code(err))}, fates)
}

// unstorable is a note instead of what an attempt returned.
func unstorable(r Result, sqlstate string) Result {
	r.Value, r.Output, r.ErrorCode = nil, "", "unstorable"
	r.Error = fmt.Sprintf("the attempt ended as %s, but Postgres refused to store what it returned (SQLSTATE %s)", r.Outcome, sqlstate)
	return r
}

// inASCII writes each character that is not ASCII as its number, which can still
// be read: every encoding has those.
func inASCII(r Result) Result {
	r.Value = []byte(numbered(string(r.Value), `\\u{%x}`)) // within the strings of its JSON
	r.Output, r.Error = numbered(r.Output, `\u{%x}`), numbered(r.Error, `\u{%x}`)
	return r
}

func numbered(text, form string) string {
	var b strings.Builder
	for _, c := range text {
		if c <= unicode.MaxASCII {
			b.WriteRune(c)
		} else {
			fmt.Fprintf(&b, form, c)
		}
	}
	return b.String()
}
