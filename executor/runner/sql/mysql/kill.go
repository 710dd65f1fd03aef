package mysql

import (
	"context"
	"time"
)

const (
	// killGrace is how long a server may take to end a statement that was killed; after
	// that its connection is cut.
	killGrace = 2 * time.Second
	// killAgain is after how long a KILL is repeated: it may have come before its
	// statement, or been refused because there are too many connections.
	killAgain = 100 * time.Millisecond
	// killTime is for how long a server that does not answer is waited for to end what
	// was given up. Nobody waits for this but Close.
	killTime = 30 * time.Second
)

// doing lets the driver do something on the connection. When ctx ends, whenOver sees to
// it that this ends too: it gets a channel that is closed when it has, and may cut the
// connection.
func (s *session) doing(ctx context.Context, whenOver func(done <-chan struct{}, cut func()), do func(context.Context) error) error {
	open, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	defer context.AfterFunc(s.engine.alive, cut)()
	done, joined := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(joined)
		select {
		case <-done:
		case <-ctx.Done():
			whenOver(done, cut)
		}
	}()
	err := do(open)
	close(done)
	<-joined
	return err
}

// kill ends a statement in the server, and waits for it: the KILL must not hit what the
// connection runs next.
func (s *session) kill(done <-chan struct{}, cut func()) {
	gaveUp, killed := make(chan struct{}), make(chan struct{})
	s.engine.work.Go(func() {
		defer close(killed)
		s.killer(done, gaveUp)
	})
	grace := time.After(killGrace)
	for _, awaited := range []<-chan struct{}{done, killed} {
		select {
		case <-awaited:
		case <-grace:
			close(gaveUp)
			cut()
			return
		}
	}
}

// killer kills the statement on a second connection until it is done; or its
// connection, if that was given up.
func (s *session) killer(done, gaveUp <-chan struct{}) {
	ctx, cancel := context.WithTimeout(s.engine.alive, killTime)
	defer cancel()
	needless := func() bool { return isClosed(done) && !isClosed(gaveUp) }
	for {
		second := s.secondConnection(ctx, needless)
		if second == nil {
			return
		}
		reached := s.killThrough(ctx, second, done, gaveUp)
		if isClosed(gaveUp) {
			second.killListed(ctx, s.isOurs)
			reached = true
		}
		second.close()
		if reached {
			return
		}
		pause(ctx, killAgain)
	}
}

// killThrough kills the statement until it is done or given up; or reports that the
// connection did not reach it: an address may lead to several servers, each with ids of its
// own.
func (s *session) killThrough(ctx context.Context, second *link, done, gaveUp <-chan struct{}) (reached bool) {
	for !isClosed(done) && !isClosed(gaveUp) {
		if s.runsAnother(ctx, second) || second.run(ctx, "KILL QUERY %s", s.link.id) != nil {
			return false
		}
		select {
		case <-done:
		case <-gaveUp:
		case <-time.After(killAgain):
		}
	}
	return true
}

// abandon ends what a lost connection may have left in the server, which does not look
// whether somebody waits for it. Nobody waits for this but Close.
func (s *session) abandon() {
	s.engine.work.Go(func() {
		ctx, cancel := context.WithTimeout(s.engine.alive, killTime)
		defer cancel()
		if second := s.secondConnection(ctx, func() bool { return false }); second != nil {
			defer second.close()
			second.killListed(ctx, s.isOurs)
		}
	})
}

// secondConnection connects to the same server until it succeeds, or is needless.
func (s *session) secondConnection(ctx context.Context, needless func() bool) *link {
	for !needless() && ctx.Err() == nil {
		second, err := s.engine.connect(ctx, s.link.address)
		if err == nil {
			return second
		}
		pause(ctx, killAgain)
	}
	return nil
}

// pause waits, and reports whether ctx has not ended.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
