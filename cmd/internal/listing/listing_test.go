package listing

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/cli"
)

type part struct {
	Pool string `json:"pool"`
}

type row struct {
	ID int64 `json:"id"`
	part
	Tag        string          `json:"tag"`
	State      string          `json:"state"`
	At         *time.Time      `json:"started_at"`
	RunSeconds *float64        `json:"run_seconds"`
	Paused     bool            `json:"paused"`
	Kinds      []string        `json:"kinds"`
	Payload    json.RawMessage `json:"payload"`
	Hidden     string          `json:"-"`
}

var layout = Layout{Table: []string{"id", "tag", "state", "started_at", "run_seconds"}, Wide: []string{"kinds", "paused"}, Name: "tag"}

// printed is what two rows look like, in two pages.
func printed(t *testing.T, o Options, rows ...row) string {
	t.Helper()
	var out bytes.Buffer
	l, err := New[row](cli.Streams{Out: &out}, &o, layout)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if err := l.Page([]row{r}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.End(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func options(format string) Options {
	return Options{Format: format, Zone: "Asia/Tokyo", Colour: "never"}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	at, run := time.Date(2020, 1, 31, 20, 0, 0, 0, time.UTC), 61.5
	full := row{ID: 9007199254740993, part: part{"p"}, Tag: "=1+1", State: "failed", At: &at, RunSeconds: &run, Paused: true, Kinds: []string{"sql", "http"}, Payload: json.RawMessage(`{"n":12345678901234567890.10,"t":"<&>"}`)}
	empty := row{ID: 1, Tag: "a\x1b[31mb\nc"}
	for name, c := range map[string]struct {
		options Options
		want    string
	}{
		"table": {options(Table), "" +
			"              ID  TAG   STATE   STARTED JST       RUN\n" +
			"9007199254740993  =1+1  failed  2020-02-01   1 m 02 s\n" +
			"               1  a\\u001b[31mb\\nc  -       -                   -\n"},
		"wide without a header": {Options{Format: Wide, NoHeader: true, Zone: "UTC", Colour: "never"}, "" +
			"9007199254740993  =1+1  failed  2020-01-31  1 m 02 s  sql,http  yes\n" +
			"               1  a\\u001b[31mb\\nc  -       -                  -  -         no\n"},
		"csv": {options(CSV), "" +
			"id,pool,tag,state,started_at,run_seconds,paused,kinds,payload\n" +
			"9007199254740993,p,'=1+1,failed,2020-02-01T05:00:00+09:00,61.5,true,\"sql,http\",\"{\"\"n\"\":12345678901234567890.10,\"\"t\"\":\"\"<&>\"\"}\"\n" +
			"1,,\"a\x1b[31mb\nc\",,,,false,,\n"},
		"jsonl": {options(JSONL), "" +
			`{"id":9007199254740993,"pool":"p","tag":"=1+1","state":"failed","started_at":"2020-02-01T05:00:00+09:00","run_seconds":61.5,"paused":true,"kinds":["sql","http"],"payload":{"n":12345678901234567890.10,"t":"<&>"}}` + "\n" +
			`{"id":1,"pool":"","tag":"a\u001b[31mb\nc","state":"","started_at":null,"run_seconds":null,"paused":false,"kinds":null,"payload":null}` + "\n"},
		"json":    {Options{Format: JSON, Columns: []string{"tag", "id"}, Colour: "never"}, "[\n  {\"tag\":\"=1+1\",\"id\":9007199254740993},\n  {\"tag\":\"a\\u001b[31mb\\nc\",\"id\":1}\n]\n"},
		"name":    {options(Name), "=1+1\na\\u001b[31mb\\nc\n"},
		"columns": {Options{Format: Table, Columns: []string{"pool", "id"}, Colour: "never"}, "POOL                ID\np     9007199254740993\n-                    1\n"},
		"colour": {Options{Format: Table, Columns: []string{"state", "tag"}, NoHeader: true, Colour: "always"}, "" +
			"\x1b[31mfailed\x1b[0m  =1+1\n-       a\\u001b[31mb\\nc\n"},
	} {
		if got := printed(t, c.options, full, empty); got != c.want {
			t.Errorf("%s is\n%s\nwant\n%s", name, got, c.want)
		}
	}
	for format, want := range map[string]string{JSON: "[]\n", JSONL: "", Table: "", CSV: "id,pool,tag,state,started_at,run_seconds,paused,kinds,payload\n"} {
		if got := printed(t, options(format)); got != want {
			t.Errorf("no row as %s is %q, want %q", format, got, want)
		}
	}
}

func TestFormulasAreGuarded(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"=x", "+x", "-x", "@x", "\tx", "\rx"} {
		if got := printed(t, Options{Format: CSV, NoHeader: true, Columns: []string{"tag"}, Colour: "never"}, row{Tag: text}); !strings.Contains(got, "'"+text) {
			t.Errorf("%q is %q", text, got)
		}
	}
	// A number is none, whatever it begins with.
	if got := printed(t, Options{Format: CSV, NoHeader: true, Columns: []string{"id"}, Colour: "never"}, row{ID: -1}); got != "-1\n" {
		t.Errorf("-1 is %q", got)
	}
}

func TestWrongOptionsAreRefusedWithAProposal(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]Options{
		`--output is "jsn": must be one of table, wide, json, jsonl, csv, name; did you mean json?`: {Format: "jsn", Colour: "auto"},
		`--color is "yes": must be one of auto, always, never`:                                      {Format: Table, Colour: "yes"},
		`--tz is "Berlin": must be the name of a time zone, such as Europe/Berlin or UTC`:           {Format: Table, Colour: "auto", Zone: "Berlin"},
		`--columns is "stat": must be one of id, pool, tag, state, started_at, run_seconds, paused, kinds, payload; did you mean state?`: {
			Format: Table, Colour: "auto", Columns: []string{"stat"}},
	} {
		_, err := New[row](cli.Streams{Out: &bytes.Buffer{}}, &o, layout)
		if err == nil || err.Error() != want || cli.ExitCode(err) != cli.ExitUsage {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestALineFitsTheTerminal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		widths []int
		room   int
		want   []int
	}{
		{[]int{10, 50, 5}, 0, []int{10, 50, 5}},
		{[]int{10, 50, 5}, 69, []int{10, 50, 5}},
		{[]int{10, 50, 5}, 40, []int{10, 21, 5}},
		{[]int{30, 30}, 42, []int{20, 20}},
		{[]int{30, 30}, 3, []int{8, 8}}, // something stays of each
	} {
		may := []bool{true, true, false}
		if got := fit(append([]int(nil), c.widths...), may, c.room); len(got) != len(c.want) || got[0] != c.want[0] || got[1] != c.want[1] {
			t.Errorf("%v in %d columns become %v, want %v", c.widths, c.room, got, c.want)
		}
	}
}

// A terminal that is too narrow shows whole numbers, keys and what there is.
func TestATableOnATerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	o := options(Table)
	o.Columns = []string{"id", "state", "pool", "tag", "kinds", "payload", "paused"}
	l, err := New[row](cli.Streams{Out: &out}, &o, Layout{Name: "tag"})
	if err != nil {
		t.Fatal(err)
	}
	l.table.look.width = 55
	if err := l.All([]row{{ID: 1234567890123, Tag: "a key of some length", Kinds: []string{"sql", "http", "and more"}, Payload: json.RawMessage(`{}`)}}); err != nil {
		t.Fatal(err)
	}
	if want := "" +
		"           ID  TAG                   KINDS      PAYLOAD\n" +
		"1234567890123  a key of some length  sql,http…  {}\n"; out.String() != want {
		t.Errorf("it shows\n%s\nwant\n%s", out.String(), want)
	}
}

func TestSecondsForPeople(t *testing.T) {
	t.Parallel()
	for s, want := range map[float64]string{
		0: "0 ms", 0.0123: "12 ms", 0.9996: "1.0 s", 9.94: "9.9 s", 9.96: "10 s", 59.4: "59 s", 59.6: "1 m 00 s", 3599.6: "1 h 00 m", 3661: "1 h 01 m", 90000: "1 d 01 h", -61: "-1 m 01 s",
	} {
		if got := Seconds(s); got != want {
			t.Errorf("%v seconds are %q, want %q", s, got, want)
		}
	}
}

func TestTimesAreToldAsBrieflyAsOnTheirDay(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 29, 1, 0, 0, 0, time.UTC)
	l := &Look{Zone: time.UTC, now: now}
	for want, at := range map[string]time.Time{
		"00:59:30": now.Add(-30 * time.Second), "Nov 28 23:00": now.Add(-2 * time.Hour), "2025-11-29": now.AddDate(-1, 0, 0),
	} {
		if got := l.Time(at); got != want {
			t.Errorf("%s is %q, want %q", at, got, want)
		}
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	if got := (&Look{Zone: berlin, now: now}).Time(now.Add(-90 * time.Minute)); got != "00:30:00" {
		t.Errorf("in another zone, where it is the same day: %q", got)
	}
}
