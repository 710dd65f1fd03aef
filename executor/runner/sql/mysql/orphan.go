package mysql

import (
	"context"
	"slices"
	"strings"
	"time"
)

// orphanTime is how long an attempt waits until the orphan of the one before has
// rolled back.
const orphanTime = 10 * time.Second

// endOrphans ends what still runs of earlier attempts of the job, and waits until it is
// rolled back. What the list does not show, or the login may not end, is left to the
// limits of the server.
func (s *session) endOrphans(ctx context.Context) {
	mark := s.job.Mark() + " "
	end := time.Now().Add(orphanTime)
	for s.link.killListed(ctx, mark) > 0 && time.Now().Before(end) && pause(ctx, killAgain) {
	}
}

// killListed ends the other connections that run a statement with this text, and
// returns how many there were. It looks at the statements, since a server that was
// restarted gives the ids to others.
func (l *link) killListed(ctx context.Context, text string) (n int) {
	columns, list, err := l.read(ctx, "SHOW FULL PROCESSLIST")
	id := slices.Index(columns, "Id")
	if err != nil || id < 0 {
		return 0
	}
	for _, process := range list {
		runs := func(column string) bool { return strings.Contains(column, text) }
		if process[id] != l.id && slices.ContainsFunc(process, runs) {
			_ = l.run(ctx, "KILL %s", process[id]) // it may just have ended
			n++
		}
	}
	return n
}
