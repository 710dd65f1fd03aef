package store

import (
	"context"
	"fmt"
)

// QueueName returns the random name that the migrations gave the queue. Who runs
// statements in engines that others use too, with the same login, marks them with it.
func (s *Store) QueueName(ctx context.Context) (string, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	var name string
	if err := s.pool.QueryRow(ctx, "-- tagexec: read the name of the queue\nSELECT name FROM tagexec.queue_name").Scan(&name); err != nil {
		return "", fmt.Errorf("read the name of the queue: %w", err)
	}
	return name, nil
}
