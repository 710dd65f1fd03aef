package clickhouse

import (
	"context"
	"fmt"
	"time"
)

const (
	// killTime is how long ending a statement may take, before it is left to
	// max_execution_time.
	killTime = 2500 * time.Millisecond
	// killAgain is after how long KILL QUERY is sent once more: the first may have come
	// before the statement, or to another replica behind one address.
	killAgain = 100 * time.Millisecond
)

// run sends a statement. If ctx ends it ends the statement in the server: the server
// would run on behind a closed connection.
func (s *session) run(ctx context.Context, r request) (a answer, err error) {
	sending, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		a, err = s.ask(sending, r)
	}()
	select {
	case <-answered:
	case <-ctx.Done():
		if !s.kill(answered) {
			fmt.Fprintln(s.job.Output, "KILL QUERY did not end the statement: it may run on until max_execution_time")
		}
		stop()
		<-answered
	}
	return a, err
}

// kill ends the statement of this attempt, and reports whether its request was answered. An
// executor that was stopped for a while may find that another attempt runs by now, with the
// same query_id: that one goes on.
func (s *session) kill(answered <-chan struct{}) bool {
	ctx, cancel := context.WithTimeout(context.Background(), killTime)
	defer cancel()
	for {
		_, _ = s.ask(ctx, request{text: "KILL QUERY WHERE query_id = " + quote(s.job.Token()) + " AND startsWith(query, " + quote(s.job.Comment()) + ") SYNC"}) // it is sent again
		select {
		case <-answered:
			return true
		case <-ctx.Done():
			return false
		case <-time.After(killAgain):
		}
	}
}
