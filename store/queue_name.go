package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgerrcode"
)

// queueNameSQL asks for the name that the migrations made, and where it lies.
const queueNameSQL = `-- tagexec: read the name of the queue
SELECT substr(md5(concat_ws(' ', q.name, %s, d.oid)), 1, 12)
  FROM tagexec.queue_name q, pg_catalog.pg_database d
 WHERE d.datname = current_database()`

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
	err := s.pool.QueryRow(ctx, fmt.Sprintf(queueNameSQL, "(SELECT system_identifier FROM pg_catalog.pg_control_system())")).Scan(&name)
	if code(err) == pgerrcode.InsufficientPrivilege { // some hosts keep it from logins: then a copy is known by the oid alone
		err = s.pool.QueryRow(ctx, fmt.Sprintf(queueNameSQL, "NULL")).Scan(&name)
	}
	if err != nil {
		return "", fmt.Errorf("read the name of the queue: %w", err)
	}
	return name, nil
}
