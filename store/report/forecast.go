package report

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/store/estimate"
)

// forecastStatements is how many statements a forecast sends, about.
const forecastStatements = 8

// Forecast returns what estimate.Of needs of a batch, of one moment. The error is a
// *MissingError if there is none of this key.
func (r *Reader) Forecast(ctx context.Context, batch string) (q *estimate.Queue, err error) {
	const doing = "estimate when the batch ends"
	bounded, cancel := context.WithTimeout(ctx, forecastStatements*r.limit+answerTime)
	defer cancel()
	err = pgx.BeginTxFunc(bounded, r.pool, pgx.TxOptions{BeginQuery: r.begin(pgx.RepeatableRead, pgx.ReadOnly)}, func(tx pgx.Tx) error {
		q, err = estimate.Load(bounded, tx, batch)
		return err
	})
	switch {
	case errors.Is(err, estimate.ErrNoBatch):
		return nil, noBatch(batch)
	case err != nil:
		return nil, r.refine(ctx, doing, analyst, err)
	}
	return q, nil
}
