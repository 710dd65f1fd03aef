package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/store/storetest"
)

// Whatever a file holds: it is refused as the user's mistake, or it becomes an
// array with one JSON object per job, each with its line.
func FuzzReadJobs(f *testing.F) {
	for _, seed := range []string{
		`{"tag": "a"}`, "{\"tag\": \"a\"}\n\n{\"tag\": \"b\", \"payload\": {\"x\": [1, null]}}", "tag,payload\na,\"{}\"\n", "\ufefftag\na\n",
		"", " \n", "[", "tag", "tag,tag\n", "a,b\n1", `{"tag": "\u0000"}`, "{\"tag\": \"\xff\"}", `{"tag":"a"} {"tag":"b"}`, "tag,slots\na,1e400\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := readJobs(t.Context(), "-", cli.Streams{In: strings.NewReader(text), Err: t.Output()}, "b")
		if err != nil {
			var refused *cli.Error
			if !errors.As(err, &refused) || refused.Code != cli.ExitUsage {
				t.Fatalf("%q is refused with %v", text, err)
			}
			return
		}
		var jobs []map[string]any
		if err := json.Unmarshal(file.array(), &jobs); err != nil {
			t.Fatalf("%q became %s: %v", text, file.array(), err)
		}
		if len(jobs) != len(file.lines) {
			t.Fatalf("%d jobs, %d lines", len(jobs), len(file.lines))
		}
		for i, job := range jobs {
			if tag, _ := job["tag"].(string); tag == "" {
				t.Fatalf("job %d of %q has no tag", i, text)
			}
		}
	})
}

// What Postgres would refuse without naming a line, or take for something else,
// is refused here with its line and the reason.
func TestReadJobsNamesLineAndReason(t *testing.T) {
	t.Parallel()
	padded := func(n int) string { return strings.Repeat("x", n) }
	for name, c := range map[string]struct{ text, want string }{
		"CSV in Latin-1":               {"tag,dedupe_key\nok,1\nh\xf6her,2026\n", `line 3: is not UTF-8: there is a byte 0xf6 after "h"`},
		"CSV in GBK, in the header":    {"\xb1\xea\xc7\xa9\na\n", "line 1: is not UTF-8: there is a byte 0xb1 at the beginning"},
		"JSON lines in Latin-1":        {"{\"tag\":\"a\"}\n{\"tag\":\"h\xf6her\"}", `line 2: is not UTF-8: there is a byte 0xf6 after "{\"tag\":\"h"`},
		"UTF-16 with a mark":           {"\xff\xfet\x00a\x00g\x00", "it is UTF-16, must be UTF-8"},
		"UTF-16, big end first":        {"\xfe\xff\x00t\x00a\x00g", "it is UTF-16, must be UTF-8"},
		"UTF-16 without a mark":        {"{\x00\"\x00t\x00", "it is UTF-16LE, must be UTF-8 (iconv -f UTF-16LE -t UTF-8"},
		"the same, big end first":      {"\x00t\x00a\x00g", "it is UTF-16BE, must be UTF-8"},
		"UTF-32":                       {"\xff\xfe\x00\x00t\x00\x00\x00", "it is UTF-32, must be UTF-8"},
		"UTF-32, big end first":        {"\x00\x00\xfe\xff\x00\x00\x00t", "it is UTF-32, must be UTF-8"},
		"UTF-32 without a mark":        {"t\x00\x00\x00a\x00\x00\x00", "it is UTF-32LE, must be UTF-8"},
		"a file packed with gzip":      {"\x1f\x8b\x08\x00\x00\x00\x00\x00", "it is packed with gzip, must be text: gzip -dc FILE"},
		"a file packed with zstd":      {"\x28\xb5\x2f\xfd\x04\x58ab", "it is packed with zstd, must be text"},
		"an Excel sheet":               {"PK\x03\x04\x14\x00\x00\x00", "it is a zip file or an Excel sheet, must be text"},
		"lines of an old Mac":          {"tag,pool\ra,b\r", `line 1: there is a carriage return without a line feed after "pool"`},
		"two lines that look like one": {"tag\na\rb\n", `line 2: there is a carriage return without a line feed after "a"`},
		"JSON lines of an old Mac":     {"{\"tag\":\"a\"}\r{\"tag\":\"b\"}\r", "line 1: must be a JSON object; this is not valid JSON: invalid character '{' after top-level value; each line holds one whole object"},
		"JSON over several lines":      {"{\n  \"tag\": \"a\"\n}\n", "line 1: must be a JSON object; this is not valid JSON: unexpected end of JSON input; each line holds one whole object (jq -c . makes such lines)"},
		"a comma after the header":     {"tag,pool,\na,b,\n", "line 1: column 3 has no name"},
		"a comma after a row":          {"tag,pool\na,b,\n", "line 2: there are 3 cells for 2 columns"},
		"the header of a joined file":  {"tag,pool\na,b\n\ufefftag,pool\n", "line 3: it is the header again"},
		"numbers long when written":    {`{"tag":"x","payload":{"n":[1e131071,1e131071,1e131071]}}`, "line 1: its numbers have more than 262144 digits"},
		"a field in another case":      {`{"tag":"x","PRIORITY":9}`, `line 1: unknown field "PRIORITY"`},
		"a field twice":                {`{"tag":"x","tag":"y"}`, `line 1: field "tag" is there twice`},
		"a field twice, escaped":       {`{"tag":"x","t\u0061g":"y"}`, `line 1: field "tag" is there twice`},
		"a field twice in payload":     {"{\"tag\":\"x\"}\n" + `{"tag":"x","payload":{"a":[{"b":1,"b":2}]}}`, `line 2: field "b" is there twice in one object of payload`},
		"a column twice":               {"tag,tag\na,b\n", "line 1: column tag is there twice"},
		"a column in another case":     {"Tag\na\n", `line 1: unknown column "Tag"`},
		"columns between semicolons":   {"tag;payload\na;{}\n", `line 1: unknown column "tag;payload": commas separate columns`},
		"NUL":                          {`{"tag":"x"}` + "\n" + `{"tag":"x","payload":{"a":"\u0000"}}`, `line 2: holds \u0000`},
		"NUL in a tag":                 {`{"tag":"x\u0000"}`, `line 1: holds \u0000`},
		"NUL in a CSV cell":            {"tag,pool\nabc,\"a\x00\"\n", `line 2: holds \u0000`},
		"half a surrogate":             {`{"tag":"x","payload":{"a":"\ud83d"}}`, `line 1: holds \ud83d, one half of a character`},
		"the other half":               {`{"tag":"\ude00"}`, `line 1: holds \ude00, one half of a character`},
		"two first halves":             {`{"tag":"\ud83d\ud83d"}`, `line 1: holds \ud83d, one half of a character`},
		"a number too large":           {`{"tag":"x","payload":{"n":[1,1e400000]}}`, "line 1: the number 1e400000 is beyond"},
		"a number too fine":            {`{"tag":"x","payload":{"n":1e-400000}}`, "line 1: the number 1e-400000 is beyond"},
		"an exponent out of reach":     {`{"tag":"x","payload":{"n":1e99999999999999999999}}`, "line 1: the number 1e99999999999999999999 is beyond"},
		"Infinity":                     {`{"tag":"x","payload":{"n":Infinity}}`, "line 1: must be a JSON object; this is not valid JSON: invalid character 'I'"},
		"too deep":                     {`{"tag":"x","payload":` + strings.Repeat(`{"a":`, 501) + "1" + strings.Repeat("}", 501) + "}", "line 1: payload has more than 500 levels"},
		"much too deep":                {`{"tag":"x","payload":{"a":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + "}}", "line 1: must be a JSON object; this is not valid JSON: invalid character '[' exceeded max depth"},
		"a line too long":              {"{\"tag\":\"x\"}\n" + `{"tag":"` + padded(longestLine) + `"}`, "line 2: is longer than 2 MB"},
		"a quote that is not closed":   {"tag\na\n\"b\nc\n", `line 3: extraneous or missing " in quoted-field (a cell with quotes, commas or ends of lines stands in quotes, each quote in it twice)`},
		"and much behind it":           {"tag\na\n\"b\n" + strings.Repeat("x\n", longestLine), "line 3: is longer than 2 MB"},
		"a row too short":              {"tag,pool\na,b\nc\n", "line 3: there are 1 cells for 2 columns"},
		"a payload too large":          {`{"tag":"x","payload":{"a":"` + padded(largestPayload) + `"}}`, "line 1: payload has 262152 bytes, may have 262144"},
		"a payload that is a list":     {`{"tag":"x","payload":[]}`, "line 1: payload must be a JSON object"},
		"run_at without a zone":        {`{"tag":"x","run_at":"2026-11-28 20:00"}`, `line 1: run_at is "2026-11-28 20:00": must be a time with its zone, such as 2026-11-28T20:00:00+08:00`},
		"run_at without a zone, CSV":   {"tag,run_at\na,2026-11-28T20:00:00\n", `line 2: run_at is "2026-11-28T20:00:00": must be a time with its zone`},
		"run_at that is only a day":    {`{"tag":"x","run_at":"2026-11-28"}`, "line 1: run_at"},
		"run_at that never comes":      {`{"tag":"x","run_at":"infinity"}`, `line 1: run_at is "infinity": must be a time with its zone`},
		"run_at in words":              {`{"tag":"x","run_at":"tomorrow"}`, "line 1: run_at"},
		"biz_date in another order":    {`{"tag":"x","biz_date":"28.11.2026"}`, `line 1: biz_date is "28.11.2026", must look like 2026-11-22`},
		"biz_date that does not be":    {`{"tag":"x","biz_date":"2026-02-30"}`, "line 1: biz_date"},
		"biz_date of the year 0":       {`{"tag":"x","biz_date":"0000-01-01"}`, "line 1: biz_date"},
		"priority too high":            {`{"tag":"x","priority":10}`, "line 1: priority is 10, must be from 0 to 9"},
		"priority far too high":        {`{"tag":"x","priority":99999999999}`, "line 1: priority is 99999999999, must be from 0 to 9"},
		"priority in between":          {`{"tag":"x","priority":1.5}`, "line 1: priority is a JSON number 1.5, must be a whole number"},
		"priority as text":             {`{"tag":"x","priority":"5"}`, "line 1: priority is a JSON string, must be a whole number"},
		"priority as text, CSV":        {"tag,priority\na,high\n", `line 2: priority is "high": must be a whole number`},
		"timeout_seconds of nothing":   {`{"tag":"x","timeout_seconds":0}`, "line 1: timeout_seconds is 0, must be from 1 to 2147483647"},
		"timeout_seconds for ever":     {`{"tag":"x","timeout_seconds":9999999999}`, "line 1: timeout_seconds is 9999999999, must be from"},
		"max_attempts of nothing":      {`{"tag":"x","max_attempts":0}`, "line 1: max_attempts is 0, must be from 1 to 100"},
		"slots below nothing":          {`{"tag":"x","slots":-1}`, "line 1: slots is -1"},
		"no tag":                       {`{"kind":"sql"}`, "line 1: tag has 0 characters, must have 1 to 200"},
		"a tag that is a number":       {`{"tag":5}`, "line 1: tag is a JSON number, must be a string"},
		"a mutex_key that is too long": {`{"tag":"x","mutex_key":"` + padded(501) + `"}`, "line 1: mutex_key has 501 characters"},
		"another batch":                {`{"tag":"x","batch":"c"}`, `line 1: batch is "c", but --batch is "b"`},
		"a list":                       {` [{"tag":"x"}]`, "it holds a JSON array"},
		"blanks only, and many":        {strings.Repeat(" ", 1<<20), "it begins with 65536 blanks"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := readJobs(t.Context(), "-", cli.Streams{In: strings.NewReader(c.text)}, "b")
			var refused *cli.Error
			if !errors.As(err, &refused) || refused.Code != cli.ExitUsage || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestReadJobsTakes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"nothing":                       {"", "[]"},
		"JSON lines after a mark":       {"\ufeff{\"tag\":\"a\"}\r\n", `[{"tag":"a"}]`},
		"JSON lines of joined files":    {"\ufeff{\"tag\":\"a\"}\n\ufeff{\"tag\":\"b\"}\n", `[{"tag":"a"},{"tag":"b"}]`},
		"CSV after a mark":              {"\ufefftag\na\n", `[{"tag":"a"}]`},
		"CSV with its tag in quotes":    {"\ufeff\"tag\"\r\n\"a,b\"\r\n", `[{"tag":"a,b"}]`},
		"CSV with lines of blanks":      {"  \ntag\na\n\n   \nb\n\x1a", `[{"tag":"a"},{"tag":"b"}]`},
		"CSV of two cells, and blanks":  {"   \ntag,pool\na,b\n \n", `[{"tag":"a","pool":"b"}]`},
		"a whole surrogate pair":        {`{"tag":"\ud83d\ude00 \\u0000"}`, `[{"tag":"😀 \\u0000"}]`},
		"a time with its zone":          {`{"tag":"a","run_at":"2026-11-28 20:00+08:00"}`, `[{"tag":"a","run_at":"2026-11-28T20:00:00+08:00"}]`},
		"a time as Postgres shows it":   {"tag,run_at\na,2026-11-28 20:00:00.5+08\n", `[{"tag":"a","run_at":"2026-11-28T20:00:00.5+08:00"}]`},
		"the largest numbers":           {`{"tag":"a","payload":{"n":[1e131071,1e-16383,-0.5,12345678901234567890]}}`, `[{"tag":"a","payload":{"n":[1e131071,1e-16383,-0.5,12345678901234567890]}}]`},
		"the same name in two objects":  {`{"tag":"a","payload":{"tag":{"tag":1},"b":[{"tag":1},{"tag":2}]}}`, `[{"tag":"a","payload":{"tag":{"tag":1},"b":[{"tag":1},{"tag":2}]}}]`},
		"its batch":                     {`{"tag":"a","batch":"b"}`, `[{"tag":"a","batch":"b"}]`},
		"null for the default":          {`{"tag":"a","payload":null,"slots":null}`, `[{"tag":"a","payload":null}]`},
		"a payload larger when escaped": {`{"tag":"a","payload":{"a":"` + strings.Repeat(`\u0061`, 200_000) + `"}}`, `[{"tag":"a","payload":{"a":"` + strings.Repeat(`\u0061`, 200_000) + `"}}]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file, err := readJobs(t.Context(), "-", cli.Streams{In: strings.NewReader(c.text), Err: t.Output()}, "b")
			if err != nil {
				t.Fatalf("%.300v", err)
			}
			if got := strings.ReplaceAll(string(file.array()), "\n", ""); got != c.want {
				t.Errorf("got %.300s", got)
			}
		})
	}
}

// endless is a file of right lines without an end.
type endless struct {
	line string
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.line[e.at:])
	e.at = (e.at + n) % len(e.line)
	return n, nil
}

func TestReadJobsSaysHowToSplitWhatIsTooLarge(t *testing.T) {
	t.Parallel()
	jobs := &endless{line: `{"tag":"a","payload":{"statement":"` + strings.Repeat("x", 2000) + "\"}}\n"}
	_, err := readJobs(t.Context(), "-", cli.Streams{In: jobs}, "b")
	if err == nil || !strings.Contains(err.Error(), "the jobs up to here have more than 64 MB: split the file") {
		t.Error(err)
	}
}

func TestReadJobsEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errTimeLimit)
	silent, write := io.Pipe()
	defer write.Close()
	if _, err := readJobs(ctx, "-", cli.Streams{In: silent}, "b"); !errors.Is(err, errTimeLimit) || !strings.Contains(err.Error(), "while jobs were read from standard input") {
		t.Error(err)
	}
}

// The limits here are those of the server: what stands at one of them is accepted by both.
func TestWhatReadJobsTakesPostgresTakes(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	lines := []string{
		`{"tag":"` + strings.Repeat("😀", 200) + `"}`,
		`{"tag":"deep","payload":` + strings.Repeat(`{"a":`, 499) + `{}` + strings.Repeat("}", 499) + `}`,
		`{"tag":"deep list","payload":{"a":` + strings.Repeat(`[`, 499) + strings.Repeat("]", 499) + `}}`,
		`{"tag":"large","payload":{"n":1e131071}}`,
		`{"tag":"fine","payload":{"n":-1.5e-16382}}`,
		`{"tag":"long","payload":{"a":"` + strings.Repeat(`\u0001`, 43_000) + `"}}`,
		`{"tag":"wide","payload":{"a":"` + strings.Repeat(`\u00e9`, 131_000) + `"}}`,
		`{"tag":"early","biz_date":"0001-01-01","run_at":"0001-01-01T00:00:00+14:00"}`,
		`{"tag":"late","biz_date":"9999-12-31","run_at":"9999-12-31T23:59:59.999999-12:00"}`,
		`{"tag":"most","slots":2147483647,"timeout_seconds":2147483647,"max_attempts":100,"priority":9}`,
		`{"tag":"keys","dedupe_key":"` + strings.Repeat("x", 500) + `","mutex_key":"` + strings.Repeat("x", 500) + `"}`,
		`{"tag":"surrogates \ud83d\ude00","payload":{"\ud83d\ude00":"\\u0000 \u2028"}}`,
	}
	file, err := readJobs(t.Context(), "-", cli.Streams{In: strings.NewReader(strings.Join(lines, "\n"))}, "b")
	if err != nil {
		t.Fatal(err)
	}
	if done, err := db.Store().Submit(t.Context(), "b", file.array(), nil, "error"); err != nil || done.Inserted != len(lines) {
		t.Errorf("%+v, %v", done, err)
	}
}
