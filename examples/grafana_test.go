package examples_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/tagexec/tagexec/store/storetest"
)

type dashboard struct {
	Inputs []struct {
		Name, Type string
	} `json:"__inputs"`
	Panels     []panel
	Templating struct {
		List []struct {
			Name, Query string
			Datasource  source
		}
	}
}

type panel struct {
	ID          int
	Title, Type string
	Datasource  source
	Targets     []struct {
		Datasource     source
		RawQuery       bool
		RawSQL, Format string
	}
}

type source struct{ UID string }

// selection is what Grafana puts in the place of macros and variables.
type selection struct {
	from, to time.Time
	interval time.Duration
	pools    []string
}

var macro = regexp.MustCompile(`\$(__\w+)\(([^)]*)\)`)

// expand does what Grafana does: variables first, then the macros of its
// Postgres data source.
func (s selection) expand(t *testing.T, sql string) string {
	t.Helper()
	seconds := s.interval.Seconds()
	sql = strings.NewReplacer(
		"$__interval_ms", fmt.Sprint(s.interval.Milliseconds()),
		"$__interval", fmt.Sprintf("%vs", seconds),
		"$pool", "'"+strings.Join(s.pools, "','")+"'",
	).Replace(sql)
	stamp := func(at time.Time) string { return "'" + at.UTC().Format(time.RFC3339Nano) + "'" }
	return macro.ReplaceAllStringFunc(sql, func(call string) string {
		m := macro.FindStringSubmatch(call)
		args := strings.Split(m[2], ",")
		switch m[1] {
		case "__timeFilter":
			return fmt.Sprintf("%s BETWEEN %s AND %s", args[0], stamp(s.from), stamp(s.to))
		case "__timeGroupAlias":
			if interval, err := time.ParseDuration(strings.Trim(args[1], " '")); err != nil || interval != s.interval {
				t.Errorf("%s: no interval", call)
			}
			return fmt.Sprintf(`floor(extract(epoch from %s)/%v)*%v AS "time"`, args[0], seconds, seconds)
		}
		t.Errorf("%s is not known here", call)
		return call
	})
}

func TestEachPanelOfTheDashboardShowsSomething(t *testing.T) {
	t.Parallel()
	var d dashboard
	if err := json.Unmarshal([]byte(read(t, "grafana/tagexec.json")), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Inputs) != 1 || d.Inputs[0].Name != "DS_TAGEXEC" || d.Inputs[0].Type != "datasource" {
		t.Errorf("inputs %+v", d.Inputs)
	}
	ours := source{"${DS_TAGEXEC}"}
	db := newHistory(t)
	blocker := db.Conn()
	if _, err := blocker.Exec(t.Context(), "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1"); err != nil {
		t.Fatal(err)
	}
	conn, empty := analyst(t, db), analyst(t, storetest.New(t))

	var pools []string
	for _, v := range d.Templating.List {
		if v.Name != "pool" || v.Datasource != ours {
			t.Errorf("variable %+v", v)
		}
		for _, row := range query(t.Context(), t, conn, v.Query).rows {
			pools = append(pools, row["pool"].(string))
		}
	}
	if !slices.Equal(pools, []string{"api", "default", "lab", "warehouse"}) {
		t.Errorf("pools %q", pools)
	}
	now := time.Now()
	for _, s := range []selection{
		{now.Add(-24 * time.Hour), now, 5 * time.Minute, pools},
		{now.Add(-14 * 24 * time.Hour), now, 2 * time.Hour, pools},
	} {
		seen := map[int]bool{}
		for _, p := range d.Panels {
			if seen[p.ID] || len(p.Targets) != 1 || p.Datasource != ours || p.Targets[0].Datasource != ours || !p.Targets[0].RawQuery {
				t.Errorf("panel %d (%s) has another's id or data source, or no query", p.ID, p.Title)
				continue
			}
			seen[p.ID] = true
			sql := s.expand(t, p.Targets[0].RawSQL)
			query(t.Context(), t, empty, sql) // must not fail
			answer := query(t.Context(), t, conn, sql)
			if len(answer.rows) == 0 {
				t.Errorf("%s shows nothing", p.Title)
			}
			if p.Targets[0].Format != "time_series" {
				continue
			}
			if len(answer.names) != 3 || answer.names[0] != "time" || answer.names[1] != "metric" || answer.types[1] != "text" {
				t.Errorf("%s is no time series: %q %q", p.Title, answer.names, answer.types)
			}
			if !slices.IsSortedFunc(answer.rows, func(a, b map[string]any) int { return cmp.Compare(epoch(t, a), epoch(t, b)) }) {
				t.Errorf("%s is not in the order of time", p.Title)
			}
		}
	}
}

// epoch is the time of a row, which the macros make a numeric.
func epoch(t *testing.T, row map[string]any) float64 {
	t.Helper()
	n, ok := row["time"].(pgtype.Numeric)
	f, err := n.Float64Value()
	if !ok || err != nil || f.Float64 < 1e9 {
		t.Fatalf("time is %v, %v", row["time"], err)
	}
	return f.Float64
}
