package demo

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// runSQLJobs does with a batch's SQL jobs what the sql runner does: each job's statements in one transaction, with
// the arguments as they come out of the JSON.
func runSQLJobs(t *testing.T, conn *pgx.Conn, batch Batch) {
	t.Helper()
	var jobs []struct {
		Tag     string
		Kind    string
		Payload sqlPayload
	}
	if err := json.Unmarshal(batch.Jobs, &jobs); err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs {
		if j.Kind != "sql" {
			continue
		}
		began := time.Now()
		err := pgx.BeginFunc(t.Context(), conn, func(tx pgx.Tx) error {
			for _, s := range j.Payload.Statements {
				if _, err := tx.Exec(t.Context(), s.Statement, s.Args...); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatalf("%s of %s: %v", j.Tag, batch.Key, err)
		}
		t.Logf("%-22s %s %4d ms", j.Tag, batch.BizDate, time.Since(began).Milliseconds())
	}
}

func storedTags(t *testing.T, conn *pgx.Conn, bizDate string) tagValues {
	t.Helper()
	rows, err := conn.Query(t.Context(), "SELECT tag, customer_id, value::float8 FROM demo.user_tags WHERE biz_date = $1::date", bizDate)
	if err != nil {
		t.Fatal(err)
	}
	tags := tagValues{}
	var tag string
	var customer int
	var value float64
	_, err = pgx.ForEachRow(rows, []any{&tag, &customer, &value}, func() error {
		if tags[tag] == nil {
			tags[tag] = map[int]float64{}
		}
		tags[tag][customer] = value
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tags
}

// The SQL rounds average_order_value to cents and churn_risk to four places; all else is exact.
func tolerance(tag string) float64 {
	switch tag {
	case "average_order_value":
		return 0.005 + 1e-9
	case "churn_risk":
		return 0.00005 + 1e-9
	default:
		return 1e-9
	}
}

func compareTag(got, want map[int]float64, tolerance float64) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d customers, want %d", len(got), len(want))
	}
	for customer, w := range want {
		if g, ok := got[customer]; !ok || math.Abs(g-w) > tolerance {
			return fmt.Errorf("customer %d: %v (has the tag: %v), want %v", customer, g, ok, w)
		}
	}
	return nil
}

func TestTagsMatchTheirDefinitionsForEveryCustomer(t *testing.T) {
	t.Parallel()
	conn := loaded(t)
	purchases := readPurchases(t)
	batches, err := Batches(Places{EndpointURL: "http://127.0.0.1:1", ManifestDir: "/tmp"})
	if err != nil {
		t.Fatal(err)
	}
	for _, batch := range batches {
		switch batch.Key {
		case "demo:1997-01-31", "demo:1997-09-30", "demo:1998-06-30":
		default:
			continue
		}
		runSQLJobs(t, conn, batch)
		if batch.BizDate == "1997-09-30" {
			// A job may start again: the second run must leave what the first one did.
			runSQLJobs(t, conn, batch)
		}
		got, want := storedTags(t, conn, batch.BizDate), expectedTags(t, purchases, batch.BizDate)
		if len(want) != 13 {
			t.Fatalf("the test knows %d tags", len(want))
		}
		for tag := range want {
			if err := compareTag(got[tag], want[tag], tolerance(tag)); err != nil {
				t.Errorf("%s on %s: %v", tag, batch.BizDate, err)
			}
		}
		for tag := range got {
			if want[tag] == nil {
				t.Errorf("%s on %s: the test does not know this tag", tag, batch.BizDate)
			}
		}
	}
}

func TestFollowUpsCountAndCompareTheTags(t *testing.T) {
	t.Parallel()
	conn := loaded(t)
	batches, err := Batches(Places{EndpointURL: "http://127.0.0.1:1", ManifestDir: "/tmp"})
	if err != nil {
		t.Fatal(err)
	}
	for _, batch := range batches {
		if batch.BizDate >= "1998-05-31" {
			runSQLJobs(t, conn, batch)
		}
	}
	before, after := storedTags(t, conn, "1998-05-31"), storedTags(t, conn, "1998-06-30")

	counts, err := TagCounts(t.Context(), conn, "1998-06-30")
	if err != nil {
		t.Fatal(err)
	}
	if len(counts) != 13 {
		t.Fatalf("%d tags counted, want 13", len(counts))
	}
	for _, c := range counts {
		var entered, departed int64
		for customer := range after[c.Tag] {
			if _, ok := before[c.Tag][customer]; !ok {
				entered++
			}
		}
		for customer := range before[c.Tag] {
			if _, ok := after[c.Tag][customer]; !ok {
				departed++
			}
		}
		if c.Customers != int64(len(after[c.Tag])) || c.Share != float64(c.Customers)/23_570 {
			t.Errorf("%s: %d customers, share %v; stored are %d", c.Tag, c.Customers, c.Share, len(after[c.Tag]))
		}
		if c.Share == 1 {
			if c.Entered != nil || c.Departed != nil {
				t.Errorf("%s: a movement of what everyone has: %v, %v", c.Tag, c.Entered, c.Departed)
			}
		} else if c.Entered == nil || c.Departed == nil || *c.Entered != entered || *c.Departed != departed {
			t.Errorf("%s: entered and departed %v, %v; want %d, %d", c.Tag, c.Entered, c.Departed, entered, departed)
		}
		t.Logf("%-20s %6d %5.1f %% +%d -%d", c.Tag, c.Customers, 100*c.Share, entered, departed)
	}

	rows, err := conn.Query(t.Context(), "SELECT tag, customers FROM demo.tag_counts WHERE biz_date = '1998-06-30' ORDER BY tag")
	if err != nil {
		t.Fatal(err)
	}
	type stored struct {
		Tag       string
		Customers int64
	}
	table, err := pgx.CollectRows(rows, pgx.RowToStructByName[stored])
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range table {
		if row.Tag != counts[i].Tag || row.Customers != counts[i].Customers {
			t.Errorf("demo.tag_counts has %+v, counted is %+v", row, counts[i])
		}
	}
	if len(table) != len(counts) {
		t.Errorf("demo.tag_counts has %d rows, want %d", len(table), len(counts))
	}
}
