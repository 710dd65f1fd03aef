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
	end := time.Now().Add(orphanTime)
	for s.link.killListed(ctx, s.job.IsOfEarlier) > 0 && time.Now().Before(end) && pause(ctx, killAgain) {
	}
}

// killListed ends the other connections that run such a statement, and returns how many
// there were. It looks at the statements, since a server that was restarted gives the ids to
// others.
func (l *link) killListed(ctx context.Context, such func(text string) bool) (n int) {
	for id, process := range l.processes(ctx) {
		if id != l.id && slices.ContainsFunc(process, such) {
			_ = l.run(ctx, "KILL %s", id) // it may just have ended
			n++
		}
	}
	return n
}

// isOurs reports whether a text is a statement of this attempt.
func (s *session) isOurs(text string) bool { return strings.Contains(text, s.job.Comment()) }

// runsAnother reports whether the connection with our id runs a statement of another job on
// this server.
func (s *session) runsAnother(ctx context.Context, second *link) bool {
	return slices.ContainsFunc(second.processes(ctx)[s.link.id], func(text string) bool {
		return strings.Contains(text, "/* tagexec ") && !s.isOurs(text)
	})
}

// processes is the server's list of connections, by their ids; nil if it does not tell.
func (l *link) processes(ctx context.Context) map[string][]string {
	columns, list, err := l.read(ctx, "SHOW FULL PROCESSLIST")
	id := slices.Index(columns, "Id")
	if err != nil || id < 0 {
		return nil
	}
	byID := make(map[string][]string, len(list))
	for _, process := range list {
		byID[process[id]] = process
	}
	return byID
}
