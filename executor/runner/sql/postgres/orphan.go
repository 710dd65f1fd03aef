package postgres

import (
	"context"
	"fmt"
	"time"
)

const (
	// orphanTime is how long an attempt waits until the orphan of the one before is gone.
	orphanTime = 5 * time.Second
	// orphanPause is how often it looks.
	orphanPause = 50 * time.Millisecond
)

// endOrphans ends the sessions that earlier attempts of the job have left, and waits until
// they are rolled back: an executor that was killed or cut off may leave one, and a server
// that does not look whether its client is there would go on. A login may end its own
// sessions. What a server refuses of this is left to its limits; the error is that of a lost
// connection.
func (s *session) endOrphans(ctx context.Context) error {
	bound, cancel := context.WithTimeout(ctx, orphanTime)
	defer cancel()
	earlier := []byte{'{'} // the names of their sessions, in which nothing needs an escape
	for n := int32(1); n < s.job.Attempt; n++ {
		earlier = fmt.Appendf(earlier, `"%s",`, name(s.job, n))
	}
	earlier[len(earlier)-1] = '}'
	for {
		ended := s.pg.ExecParams(bound, `-- tagexec: end orphans
			SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
			 WHERE application_name = ANY ($1::text[]) AND usename = session_user AND pid <> pg_catalog.pg_backend_pid()`,
			[][]byte{earlier}, nil, nil, nil).Read()
		switch {
		case ended.Err != nil && s.pg.IsClosed():
			return ended.Err
		case ended.Err != nil || len(ended.Rows) == 0:
			return nil
		}
		select {
		case <-time.After(orphanPause):
		case <-bound.Done():
			return nil
		}
	}
}
