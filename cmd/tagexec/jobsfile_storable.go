package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

const largestPayload = 256 << 10 // bytes, of the text that Postgres makes of it

// checkUTF8 refuses bytes that are no text: a lenient reader makes one character
// of all of them, and of two jobs one.
func checkUTF8(text []byte) error {
	if utf8.Valid(text) {
		return nil
	}
	for at := 0; ; {
		r, size := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && size == 1 {
			where := "at the beginning"
			if at > 0 {
				where = fmt.Sprintf("after %q", lastOf(text[:at]))
			}
			return fmt.Errorf("is not UTF-8: there is a byte 0x%02x %s (iconv -f ENCODING -t UTF-8 makes UTF-8 of other encodings)", text[at], where)
		}
		at += size
	}
}

// lastOf is the end of a text, enough to find it.
func lastOf(text []byte) string {
	runes := []rune(string(text[max(0, len(text)-80):]))
	return string(runes[max(0, len(runes)-20):])
}

// checkStorable refuses what valid JSON may hold and Postgres does not take,
// or takes and does not keep.
func checkStorable(text []byte) error {
	if err := checkEscapes(text); err != nil {
		return err
	}
	type level struct {
		names map[string]bool // of an object; nil for an array
		value bool            // a value comes next, not a name
	}
	var levels []*level
	digits := 0 // of all numbers
	tokens := json.NewDecoder(bytes.NewReader(text))
	tokens.UseNumber()
	for {
		token, err := tokens.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var in *level
		if len(levels) > 0 {
			in = levels[len(levels)-1]
		}
		switch token := token.(type) {
		case json.Delim:
			switch token {
			case '{', '[':
				if len(levels) > deepestPayload {
					return fmt.Errorf("payload has more than %d levels", deepestPayload)
				}
				next := &level{}
				if token == '{' {
					next.names = map[string]bool{}
				}
				levels = append(levels, next)
				continue // the value has only begun
			}
			if levels = levels[:len(levels)-1]; len(levels) > 0 {
				levels[len(levels)-1].value = false
			}
			continue
		case json.Number:
			n, ok := digitsOf(token.String())
			if !ok {
				return fmt.Errorf("the number %.40s is beyond what Postgres can hold", token)
			}
			if digits += n; digits > largestPayload {
				return fmt.Errorf("its numbers have more than %d digits, as Postgres writes them", largestPayload)
			}
		case string:
			if in != nil && in.names != nil && !in.value {
				if in.names[token] {
					return fmt.Errorf("field %.80q is there twice in one object of payload", token)
				}
				in.names[token], in.value = true, true
				continue
			}
		}
		if in != nil {
			in.value = false
		}
	}
}

// checkEscapes looks at the \u escapes of valid JSON.
func checkEscapes(text []byte) error {
	unit := func(at int) rune { // of the escape at text[at:]; 0 for none
		if at+6 > len(text) || text[at] != '\\' || text[at+1] != 'u' {
			return 0
		}
		n, _ := strconv.ParseUint(string(text[at+2:at+6]), 16, 16) // valid
		return rune(n)
	}
	for at := 0; ; {
		next := bytes.IndexByte(text[at:], '\\')
		if next < 0 {
			return nil
		}
		at += next
		if text[at+1] != 'u' {
			at += 2
			continue
		}
		switch first := unit(at); {
		case first == 0:
			return errors.New(`holds \u0000, a character that Postgres cannot store`)
		case !utf16.IsSurrogate(first):
			at += 6
		case utf16.DecodeRune(first, unit(at+6)) == utf8.RuneError:
			return fmt.Errorf(`holds \u%04x, one half of a character`, first)
		default:
			at += 12
		}
	}
}

// digitsOf counts the digits of a JSON number as Postgres writes it, without an
// exponent. It reports false where they are more than Postgres keeps: 131,072
// before the point and 16,383 after it.
func digitsOf(number string) (int, bool) {
	number = strings.ToLower(strings.TrimPrefix(number, "-"))
	mantissa, exponent, _ := strings.Cut(number, "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	shift := 0
	if exponent != "" {
		var err error
		if shift, err = strconv.Atoi(exponent); err != nil {
			return 0, false
		}
	}
	before, after := len(whole)+shift, len(fraction)-shift
	return max(before, 1) + max(after, 0), before <= 131_072 && after <= 16_383
}

// jsonSize is the length of a JSON value with no byte more than it needs; what
// Postgres makes of it is hardly shorter.
func jsonSize(value []byte) int {
	var any any
	decoder := json.NewDecoder(bytes.NewReader(value))
	decoder.UseNumber()
	if decoder.Decode(&any) != nil {
		return 0 // it is valid
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(any) != nil {
		return 0
	}
	return text.Len() - 1 // the end of the line
}
