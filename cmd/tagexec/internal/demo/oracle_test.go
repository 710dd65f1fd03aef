package demo

import (
	"cmp"
	"encoding/csv"
	"maps"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"
)

// The tags once more, in Go, from their definitions and not from their SQL: sums in cents, days as numbers.

type purchase struct {
	customer int
	day      int // since 1970-01-01
	cents    int64
}

// past is what a customer has done up to a business date.
type past struct {
	customer     int
	first, last  int
	visits       int
	orders       int64
	cents        int64
	r, f, m      int
	reactivation int // longest gap of 180 days or more that ended in the month, 0 for none
}

// tagValues maps tag to customer to value.
type tagValues map[string]map[int]float64

func readPurchases(t *testing.T) []purchase {
	t.Helper()
	r, err := openPurchases()
	if err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(r).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	purchases := make([]purchase, 0, len(records))
	for _, record := range records[1:] {
		customer, err := strconv.Atoi(record[0])
		if err != nil {
			t.Fatal(err)
		}
		dollars, err := strconv.ParseFloat(record[3], 64)
		if err != nil {
			t.Fatal(err)
		}
		purchases = append(purchases, purchase{customer, dayNumber(t, record[1]), int64(math.Round(dollars * 100))})
	}
	return purchases
}

func dayNumber(t *testing.T, date string) int {
	t.Helper()
	parsed, err := time.Parse(time.DateOnly, date)
	if err != nil {
		t.Fatal(err)
	}
	return int(parsed.Unix() / 86_400)
}

// expectedTags works out every tag of a business date.
func expectedTags(t *testing.T, purchases []purchase, bizDate string) tagValues {
	t.Helper()
	today, month := dayNumber(t, bizDate), dayNumber(t, bizDate[:8]+"01")
	customers := pastOf(purchases, today, month)
	score(customers, byRecency, func(c *past, q int) { c.r = q })
	score(customers, byFrequency, func(c *past, q int) { c.f = q })
	score(customers, byMonetary, func(c *past, q int) { c.m = q })
	limit := percentile95(customers)

	tags := tagValues{}
	give := func(c *past, tag string, has bool, value float64) {
		if tags[tag] == nil {
			tags[tag] = map[int]float64{}
		}
		if has {
			tags[tag][c.customer] = value
		}
	}
	for _, c := range customers {
		silent := float64(today - c.last)
		best := c.r == 5 && c.f == 5 && c.m == 5
		give(c, "recency_quintile", true, float64(c.r))
		give(c, "frequency_quintile", true, float64(c.f))
		give(c, "monetary_quintile", true, float64(c.m))
		give(c, "average_order_value", true, float64(c.cents)/100/float64(c.orders))
		give(c, "champions", best && c.visits >= 2, float64(c.cents)/100)
		give(c, "loyal", !best && c.r >= 4 && c.f >= 4 && c.visits >= 3, float64(c.visits))
		give(c, "at_risk", c.r <= 3 && c.f >= 4 && c.m >= 4 && c.visits >= 2 && silent >= 90, silent)
		give(c, "lost", c.r <= 2 && c.f <= 2 && silent >= 180, silent)
		give(c, "one_time_buyer", c.visits == 1, float64(today-c.first))
		give(c, "new_customer", c.first >= month, float64(today-c.first))
		give(c, "reactivated", c.reactivation > 0, float64(c.reactivation))
		give(c, "big_spender", c.cents >= limit, float64(c.cents)/100)
		risk := 1 - alive(c, today)
		give(c, "churn_risk", c.visits >= 2 && risk >= 0.5, risk)
	}
	return tags
}

// pastOf relies on the log's order, by customer and day.
func pastOf(purchases []purchase, today, month int) []*past {
	found := map[int]*past{}
	for _, p := range purchases {
		if p.day > today {
			continue
		}
		c := found[p.customer]
		if c == nil {
			c = &past{customer: p.customer, first: p.day, last: p.day, visits: 1}
			found[p.customer] = c
		}
		if gap := p.day - c.last; gap >= 180 && p.day >= month {
			c.reactivation = max(c.reactivation, gap)
		}
		if p.day != c.last {
			c.visits++
		}
		c.last = p.day
		c.orders++
		c.cents += p.cents
	}
	return slices.Collect(maps.Values(found))
}

func byRecency(a, b *past) int {
	return cmp.Or(cmp.Compare(a.last, b.last), cmp.Compare(a.visits, b.visits), cmp.Compare(a.cents, b.cents), cmp.Compare(a.customer, b.customer))
}

func byFrequency(a, b *past) int {
	return cmp.Or(cmp.Compare(a.visits, b.visits), cmp.Compare(a.last, b.last), cmp.Compare(a.cents, b.cents), cmp.Compare(a.customer, b.customer))
}

func byMonetary(a, b *past) int {
	return cmp.Or(cmp.Compare(a.cents, b.cents), cmp.Compare(a.last, b.last), cmp.Compare(a.visits, b.visits), cmp.Compare(a.customer, b.customer))
}

// score hands out 1 to 5 in groups of equal size; what does not divide by five makes the first groups one larger.
func score(customers []*past, order func(a, b *past) int, set func(*past, int)) {
	slices.SortFunc(customers, order)
	size, larger := len(customers)/5, len(customers)%5
	for next, quintile := 0, 1; quintile <= 5; quintile++ {
		n := size
		if quintile <= larger {
			n++
		}
		for _, c := range customers[next : next+n] {
			set(c, quintile)
		}
		next += n
	}
}

// percentile95 is the least amount that 95 % of the customers do not exceed.
func percentile95(customers []*past) int64 {
	var cents []int64
	for _, c := range customers {
		cents = append(cents, c.cents)
	}
	slices.Sort(cents)
	return cents[(len(cents)*95+99)/100-1]
}

// alive is the BG/NBD probability as the authors first derive it, from the two parts of the likelihood, with the
// common factors left out; the SQL has the shortened form.
func alive(c *past, today int) float64 {
	const r, alpha, a, b = 0.243, 4.414, 0.793, 2.426
	x, tx, t := float64(c.visits-1), float64(c.last-c.first)/7, float64(today-c.first)/7
	// As logarithms: 80 weeks to the power of 170 visits is more than a float64 holds.
	stayed := logBeta(a, b+x) - (r+x)*math.Log(alpha+t)
	left := logBeta(a+1, b+x-1) - (r+x)*math.Log(alpha+tx)
	return 1 / (1 + math.Exp(left-stayed))
}

func logBeta(p, q float64) float64 {
	lp, _ := math.Lgamma(p)
	lq, _ := math.Lgamma(q)
	lpq, _ := math.Lgamma(p + q)
	return lp + lq - lpq
}
