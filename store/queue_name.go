package store

import (
	"context"
	"fmt"
)

// QueueName returns twelve characters that name this queue and no other: who runs
// statements in engines that others use too, with the same login, marks them with it. A
// logical copy of the database, on this server or another, is another queue, though the
// random name that the migrations made is in it too. A physical one (a disk's snapshot,
// a base backup) has the same name, as a standby must; who runs both beside each other
// says `UPDATE tagexec.queue_name SET name = DEFAULT` in one of them.
func (s *Store) QueueName(ctx context.Context) (string, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	var name string
	if err := s.pool.QueryRow(ctx, `-- tagexec: read the name of the queue
SELECT substr(md5(concat_ws(' ', q.name, c.system_identifier, d.oid)), 1, 12)
  FROM tagexec.queue_name q, pg_catalog.pg_control_system() c, pg_catalog.pg_database d
 WHERE d.datname = current_database()`).Scan(&name); err != nil {
		return "", fmt.Errorf("read the name of the queue: %w", err)
	}
	return name, nil
}
