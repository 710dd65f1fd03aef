package store

import (
	"context"
	"fmt"
	"time"
)

// Bounds of live output, in bytes of text.
const (
	MaxLiveChunk  = 32 << 10
	MaxLiveOutput = 1 << 20 // of an attempt
)

// LiveOutput is a chunk of what an attempt has printed so far.
type LiveOutput struct {
	Claim
	From    int64  // where in what is shown the chunk begins
	Text    string // valid UTF-8 without NUL, 1 to MaxLiveChunk bytes; ends before MaxLiveOutput
	Printed int64  // bytes that the attempt had printed where the chunk ends
}

// liveTime is how long a statement for live output may take: it must not hold a
// connection that others need.
const liveTime = 2 * time.Second

const showOutputSQL = `-- tagexec: show output
SELECT tagexec.append_live_output($1, $2, $3, $4, $5, $6)`

// ShowOutput shows a chunk of what an attempt has printed, and reports whether more of it
// can be shown: the attempt runs, and the database takes its text. A chunk that was
// shown before changes nothing. It may be called concurrently.
func (s *Store) ShowOutput(ctx context.Context, c LiveOutput) (more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, liveTime)
	defer cancel()
	err = s.pool.QueryRow(ctx, showOutputSQL, c.ID, c.Attempt, c.Executor, c.From, c.Text, c.Printed).Scan(&more)
	if badData(err) { // as in a database whose encoding lacks a character
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("show output: %w", err)
	}
	return more, nil
}

const forgetOutputSQL = `-- tagexec: forget live output
SELECT tagexec.forget_live_output()`

// ForgetOutput deletes what was shown of attempts that ended ten minutes ago, and
// watches that are over. It may be called concurrently.
func (s *Store) ForgetOutput(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, liveTime)
	defer cancel()
	if _, err := s.pool.Exec(ctx, forgetOutputSQL); err != nil {
		return fmt.Errorf("forget live output: %w", err)
	}
	return nil
}
