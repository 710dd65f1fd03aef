package estimate

import "context"

// LoadLess is Load with a hundredth of its limits.
func LoadLess(ctx context.Context, db Querier, batch string) (*Queue, error) {
	return loadWithin(ctx, db, batch, limits{jobs: 500, counted: 10_000, tags: 50, runs: 300, seen: 200, ended: 20})
}
