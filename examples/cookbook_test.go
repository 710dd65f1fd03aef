package examples_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/store/storetest"
)

// columnLine is a line of a query's header that describes a column.
var columnLine = regexp.MustCompile(`(?m)^--   (\w+) {2,}(\S.*?) {2,}\S`)

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEachQueryAnswersInTheShapeItsHeaderPromises(t *testing.T) {
	t.Parallel()
	db := newHistory(t)
	blocker := db.Conn() // for the query that looks for one
	if _, err := blocker.Exec(t.Context(), "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1"); err != nil {
		t.Fatal(err)
	}
	conn, empty := analyst(t, db), analyst(t, storetest.New(t))
	files, err := filepath.Glob("sql/*.sql")
	if err != nil || len(files) < 12 {
		t.Fatalf("%q, %v", files, err)
	}
	list := read(t, "sql/README.md")
	for _, file := range files {
		sql := read(t, file)
		question, _, _ := strings.Cut(sql, "\n--\n")
		question = strings.ReplaceAll(strings.TrimPrefix(question, "-- "), "\n-- ", " ")
		if !strings.Contains(question, "?") {
			t.Errorf("%s begins with no question: %q", file, question)
		}
		if name := filepath.Base(file); !strings.Contains(list, "("+name+")") {
			t.Errorf("README.md does not list %s", name)
		}
		if strings.Contains(sql, "tagexec.") {
			t.Errorf("%s reads what an analyst may not", file)
		}
		var promised []string
		for _, m := range columnLine.FindAllStringSubmatch(sql, -1) {
			promised = append(promised, m[1]+" "+m[2])
		}
		query(t.Context(), t, empty, sql) // must not fail
		answer := query(t.Context(), t, conn, sql)
		var got []string
		for i, name := range answer.names {
			got = append(got, name+" "+answer.types[i])
		}
		if !slices.Equal(got, promised) {
			t.Errorf("%s\nanswers  %q\npromises %q", file, got, promised)
		}
		if len(answer.rows) == 0 {
			t.Errorf("%s finds nothing", file)
		}
		for _, row := range answer.rows {
			for name, value := range row {
				number, ok := value.(float64)
				if ok && (number < 0 || math.IsNaN(number) || strings.Contains(name, "share") && number > 1) {
					t.Errorf("%s: %s = %v", file, name, number)
				}
			}
		}
	}
}

// attempt is a row of the table itself: what the answers are worked out from.
type attempt struct {
	JobID                           int64
	Attempt, Slots                  int
	Tag, Pool, Outcome              string
	ErrorCode                       *string
	QueuedAt, StartedAt, FinishedAt time.Time
}

func (a attempt) failed() bool {
	return slices.Contains([]string{"failed", "timed_out", "lost"}, a.Outcome)
}

func (a attempt) seconds() float64 { return a.FinishedAt.Sub(a.StartedAt).Seconds() }

func attempts(t *testing.T, db *storetest.DB) []attempt {
	t.Helper()
	rows, err := db.Pool.Query(t.Context(), `SELECT a.job_id, a.attempt, j.slots, j.tag, j.pool, a.outcome, a.error_code, a.queued_at, a.started_at, a.finished_at
		FROM tagexec.tag_job_attempts a JOIN tagexec.tag_jobs j ON j.id = a.job_id`)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[attempt])
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// show puts columns of each row into a line, numbers with three decimals.
func show(answer table, columns ...string) []string {
	var lines []string
	for _, row := range answer.rows {
		var parts []string
		for _, c := range columns {
			parts = append(parts, value(row[c]))
		}
		lines = append(lines, strings.Join(parts, " "))
	}
	slices.Sort(lines)
	return lines
}

func value(v any) string {
	switch v := v.(type) {
	case float64:
		return fmt.Sprintf("%.3f", v)
	case time.Time:
		return v.UTC().Format(time.RFC3339)
	}
	return fmt.Sprint(v)
}

func median(list []float64) float64 {
	slices.Sort(list)
	n := len(list)
	return (list[(n-1)/2] + list[n/2]) / 2
}

func TestAnswersAreRight(t *testing.T) {
	t.Parallel()
	db := newHistory(t)
	conn := analyst(t, db)
	all := attempts(t, db)
	var today time.Time // of the same transaction, should it be midnight
	if _, err := conn.Exec(t.Context(), "BEGIN"); err != nil {
		t.Fatal(err)
	}
	if err := conn.QueryRow(t.Context(), "SELECT current_date").Scan(&today); err != nil {
		t.Fatal(err)
	}
	since := func(days int) (list []attempt) {
		for _, a := range all {
			if !a.FinishedAt.Before(today.AddDate(0, 0, -days)) {
				list = append(list, a)
			}
		}
		return list
	}
	check := func(file string, want []string, columns ...string) {
		t.Helper()
		got := show(query(t.Context(), t, conn, read(t, "sql/"+file)), columns...)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s\ngot  %q\nwant %q", file, got, want)
		}
	}

	recent, week := map[string][]float64{}, map[string][]float64{}
	for _, a := range since(8) {
		if a.Outcome == "succeeded" && a.FinishedAt.Before(today.AddDate(0, 0, -1)) {
			week[a.Tag] = append(week[a.Tag], a.seconds())
		} else if a.Outcome == "succeeded" {
			recent[a.Tag] = append(recent[a.Tag], a.seconds())
		}
	}
	var want []string
	for tag, list := range recent {
		a, b := median(list), median(week[tag])
		want = append(want, strings.Join([]string{tag, fmt.Sprint(len(list)), value(a), value(b), value(a / b)}, " "))
	}
	check("01_slowest_tags.sql", want, "tag", "attempts", "p50_run_seconds", "week_p50_run_seconds", "slower")

	reasons := map[string]int{}
	for _, a := range since(6) {
		if a.failed() {
			reasons[a.Outcome+" "+*a.ErrorCode]++
		}
	}
	want = nil
	for reason, n := range reasons {
		want = append(want, fmt.Sprint(reason, " ", n))
	}
	check("02_failure_reasons.sql", want, "outcome", "error_code", "attempts")

	held, total := map[[2]string]float64{}, map[string]float64{}
	for _, a := range since(6) {
		held[[2]string{a.Pool, a.Tag}] += float64(a.Slots) * a.seconds()
		total[a.Pool] += float64(a.Slots) * a.seconds()
	}
	want = nil
	for k, s := range held {
		want = append(want, strings.Join([]string{k[0], k[1], value(s), value(s / total[k[0]])}, " "))
	}
	check("05_slot_seconds.sql", want, "pool", "tag", "slot_seconds", "share")

	next := map[[2]int64]attempt{}
	for _, a := range all {
		next[[2]int64{a.JobID, int64(a.Attempt) - 1}] = a
	}
	counts := map[string]*[3]int{}
	for _, a := range since(27) {
		if !a.failed() {
			continue
		}
		if counts[*a.ErrorCode] == nil {
			counts[*a.ErrorCode] = new([3]int)
		}
		c := counts[*a.ErrorCode]
		c[0]++
		if n, ok := next[[2]int64{a.JobID, int64(a.Attempt)}]; ok {
			c[1]++
			if n.Outcome == "succeeded" {
				c[2]++
			}
		}
	}
	want = nil
	for code, c := range counts {
		want = append(want, fmt.Sprint(code, " ", c[0], " ", c[1], " ", c[2]))
	}
	check("07_retries_that_helped.sql", want, "error_code", "failures", "retried", "helped")

	// The most slots at one moment, by looking at each moment at which something began.
	rows, err := db.Pool.Query(t.Context(), "SELECT id, attempt, slots, tag, pool, state, error_code, run_at, started_at, now() + interval '1 year' FROM tagexec.tag_jobs WHERE state = 'running'")
	if err != nil {
		t.Fatal(err)
	}
	running, err := pgx.CollectRows(rows, pgx.RowToStructByPos[attempt])
	if err != nil {
		t.Fatal(err)
	}
	work := append(since(1), running...)
	peaks := map[string]int{}
	for _, begin := range work {
		level := 0
		for _, a := range work {
			if a.Pool == begin.Pool && !a.StartedAt.After(begin.StartedAt) && a.FinishedAt.After(begin.StartedAt) {
				level += a.Slots
			}
		}
		hour := begin.StartedAt.UTC().Truncate(time.Hour).Format(time.RFC3339) + " " + begin.Pool
		peaks[hour] = max(peaks[hour], level)
	}
	want = nil
	for hour, level := range peaks {
		want = append(want, fmt.Sprint(hour, " ", level))
	}
	check("08_concurrency.sql", want, "hour", "pool", "peak_slots")

	check("12_late_against_yesterday.sql", []string{"at_risk 1", "new_customer 0", "reactivated 1"}, "tag", "unfinished") // pending, failed, running
	check("16_waiting_now.sql", []string{"default false <nil> 2 1 0", "lab true 1 0 2 1"}, "pool", "paused", "slots", "used", "due", "not_yet")
}
