package migrations_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// wide returns n characters of as many bytes each, which do not compress.
func wide(n, bytes int) string {
	first, count := map[int]rune{1: '0', 2: 'À', 3: '一', 4: '😀'}[bytes], map[int]int{1: 10, 2: 500, 3: 20000, 4: 60000}[bytes]
	var b strings.Builder
	for range n {
		b.WriteRune(first + rune(rand.IntN(count)))
	}
	return b.String()
}

// The largest row that each stated limit lets through fits every index, in each
// state that puts it into another one.
func TestInsertTakesARowThatIsWithinEveryLimit(t *testing.T) {
	t.Parallel()
	for _, pool := range []string{wide(200, 1), wide(200, 3), wide(150, 4)} {
		db := storetest.New(t)
		db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ($1, 2147483647)", pool)
		c := db.Claimer(store.Executor{Batch: ""})
		row := storetest.Row{"tag": wide(200, 4), "pool": pool, "mutex_key": wide(500, 4), "batch": wide(500, 4), "dedupe_key": wide(500, 4), "slots": 2147483647}
		db.Insert(row)
		c.End(t, store.Succeeded, c.MustClaim(t, 1)...)
		submit(t, db.Store(), row["batch"].(string), "rerun_all", object{"tag": row["tag"], "pool": pool, "mutex_key": row["mutex_key"], "dedupe_key": row["dedupe_key"]})
		c.End(t, store.Succeeded, c.MustClaim(t, 1)...)
	}
	db := storetest.New(t)
	_, err := db.Pool.Exec(t.Context(), "INSERT INTO tagexec.tag_pools (pool) VALUES ($1)", wide(151, 4))
	storetest.Check(t, "a pool of 604 bytes", storetest.PgError(t, err).ConstraintName, "tag_pools_pool_has_at_most_600_bytes")
}
