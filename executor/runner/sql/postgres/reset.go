package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// resetTime is how long DISCARD ALL may take before the connection is closed
// instead. No job waits for it.
const resetTime = 5 * time.Second

// reset makes a connection forget the job: settings, role, temporary tables,
// advisory locks, LISTEN, prepared statements. It reports whether the
// connection can be used again. A server that has something to say about it, as
// Greenplum, has not done it.
func reset(conn *pgx.Conn) bool {
	ctx, cancel := context.WithTimeout(context.Background(), resetTime)
	defer cancel()
	heard := new(counter)
	conn.PgConn().CustomData()[notesKey] = heard
	defer delete(conn.PgConn().CustomData(), notesKey)
	return conn.PgConn().Exec(ctx, "DISCARD ALL").Close() == nil && *heard == 0
}

// counter counts the bytes that are written to it.
type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
