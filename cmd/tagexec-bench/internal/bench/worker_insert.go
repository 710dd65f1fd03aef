package bench

import (
	"context"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

// singleSQL inserts one job as a producer would: $1 is its number, $2 the batch.
const singleSQL = `INSERT INTO tagexec.tag_jobs (tag, kind, payload, batch, biz_date, dedupe_key)
VALUES ('high_value', '` + kind + `', $3, $2, '2026-01-01', $2 || '/' || $1::bigint)`

const singlePayload = `{"n": 1, "source": "warehouse", "file": "tags/high_value.sql"}`

// insert is a producer: all rows in one statement, or clients that insert one
// row after the other.
func (w *worker) insert(ctx context.Context) (role, func(), error) {
	conns := make([]*pgx.Conn, max(1, w.Clients))
	done := func() {
		for _, conn := range conns {
			if conn != nil {
				_ = conn.Close(context.WithoutCancel(ctx))
			}
		}
	}
	for i := range conns {
		var err error
		if conns[i], err = connect(ctx, w.Database, nil); err != nil {
			done()
			return nil, nil, err
		}
	}
	if w.Clients == 0 {
		return func(ctx context.Context) error { return w.insertAll(ctx, conns[0]) }, done, nil
	}
	return func(ctx context.Context) error { return w.insertSingly(ctx, conns) }, done, nil
}

func (w *worker) insertAll(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, fill{}.pendingSQL(), 1, w.Jobs, "", 0); err != nil {
		return err
	}
	w.stored(w.Jobs)
	return nil
}

// reportEvery is how many single inserts are reported together.
const reportEvery = 100

func (w *worker) insertSingly(ctx context.Context, conns []*pgx.Conn) error {
	clients, ctx := errgroup.WithContext(ctx)
	var next, done atomic.Int64
	for _, conn := range conns {
		clients.Go(func() error {
			for {
				n := next.Add(1)
				if n > int64(w.Jobs) {
					return nil
				}
				if _, err := conn.Exec(ctx, singleSQL, n, "daily_tags/2026-01-01", singlePayload); err != nil {
					return err
				}
				if done.Add(1)%reportEvery == 0 {
					w.stored(reportEvery)
				}
			}
		})
	}
	err := clients.Wait()
	w.stored(int(done.Load()) % reportEvery)
	return err
}
