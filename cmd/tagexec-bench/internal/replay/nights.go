package replay

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/cmd/internal/wait"
)

// Nights submits batches to a queue that executors work off, one night after the
// other.
type Nights struct {
	DB    *pgx.Conn // of a login that may submit
	Count int
	Seed  uint64 // of what is drawn by chance
	Show  func(done, total int, note string)
}

// The SQL jobs of the demo's tags, or those of its follow-ups, once more.
const demoNightSQL = `-- tagexec: replay, submit the demo's jobs
INSERT INTO tagexec.tag_jobs (tag, kind, payload, pool, slots, priority, mutex_key, biz_date, batch)
SELECT j.tag, j.kind, j.payload, j.pool, j.slots, j.priority, j.mutex_key, j.biz_date, @batch::text
  FROM tagexec.tag_jobs j
 WHERE j.batch LIKE 'demo:%'
   AND (j.batch LIKE '%:publish') = @followups::boolean
   AND j.kind = 'sql'
 ORDER BY j.id`

// Demo runs the demo's jobs of all business dates night by night: the tags, and when
// these are done, the follow-ups.
func (n *Nights) Demo(ctx context.Context) error {
	for night := range n.Count {
		n.Show(night, n.Count, "nights of the demo")
		for _, followups := range []bool{false, true} {
			batch := fmt.Sprintf("replay demo %d %t", night, followups)
			if _, err := n.DB.Exec(ctx, demoNightSQL, pgx.StrictNamedArgs{"batch": batch, "followups": followups}); err != nil {
				return fmt.Errorf("submit a night of the demo: %w", err)
			}
			if err := n.settled(ctx, batch); err != nil {
				return err
			}
		}
	}
	return nil
}

const sleepsSQL = `-- tagexec: replay, submit sleeps
INSERT INTO tagexec.tag_jobs (tag, payload, pool, slots, mutex_key, batch)
SELECT s.tag, jsonb_build_object('source', 'demo', 'statement', 'SELECT pg_sleep($1)', 'args', jsonb_build_array(s.seconds)), s.pool, s.slots, s.mutex_key, @batch::text
  FROM unnest(@tags::text[], @seconds::double precision[], @pools::text[], @slots::integer[], @keys::text[]) WITH ORDINALITY s (tag, seconds, pool, slots, mutex_key, n)
 ORDER BY s.n`

// sleepTags is how many jobs a night of sleeps has.
const sleepTags = 100

// Sleeps runs jobs that sleep, on executors that are real: so nothing but the rules
// of the claim, and what a claim and a record cost, decides when they run. Their pool
// of so many slots must exist.
func (n *Nights) Sleeps(ctx context.Context, pool string) error {
	r := rand.New(rand.NewPCG(n.Seed, 1))
	usual := make([]float64, sleepTags)
	for i := range usual {
		usual[i] = math.Exp(0.8 * r.NormFloat64())
	}
	for night := range n.Count {
		n.Show(night, n.Count, "nights of sleeps")
		var (
			batch       = fmt.Sprint("replay sleeps ", night)
			drift       = 0.2 * r.NormFloat64()
			tags, pools []string
			seconds     []float64
			slots       []int32
			keys        []*string
		)
		for i, s := range usual {
			tags, seconds = append(tags, fmt.Sprint("sleep ", i)), append(seconds, s*math.Exp(drift+0.3*r.NormFloat64()))
			in, wide, key := "default", int32(1), (*string)(nil)
			switch i % 5 {
			case 0, 1:
				in, wide = pool, int32(1+i%2)
			case 2:
				name := fmt.Sprint("sleepers ", i%4)
				key = &name
			}
			pools, slots, keys = append(pools, in), append(slots, wide), append(keys, key)
		}
		_, err := n.DB.Exec(ctx, sleepsSQL, pgx.StrictNamedArgs{"batch": batch, "tags": tags, "seconds": seconds, "pools": pools, "slots": slots, "keys": keys})
		if err != nil {
			return fmt.Errorf("submit a night of sleeps: %w", err)
		}
		if err := n.settled(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

func (n *Nights) settled(ctx context.Context, batch string) error {
	for {
		var settled bool
		if err := n.DB.QueryRow(ctx, "-- tagexec: replay, wait\nSELECT tagexec.batch_settled($1)", batch).Scan(&settled); err != nil {
			return fmt.Errorf("wait for %s: %w", batch, err)
		}
		if settled {
			return nil
		}
		if err := wait.For(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}
