package mysql

import (
	"context"
	"strings"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/sql"
)

const (
	// isolation is that of Postgres. The default of MySQL locks the gaps between rows, and
	// then jobs that replace different rows of one table end each other by deadlock.
	isolation = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED"
	// savepoint is there as long as the transaction is the one that was begun: no server
	// but MariaDB tells whether one is open.
	savepoint = "tagexec"
	// orNotAtomic is the way out for a statement that a transaction keeps from its work.
	orNotAtomic = `; "atomic": false in the payload runs its statements without one`
)

// Begin sets the limits, and opens the transaction where there is one.
func (s *session) Begin(ctx context.Context) error {
	bound, cancel := context.WithTimeout(ctx, s.engine.ConnectTimeout)
	defer cancel()
	if err := s.setLimits(bound, ctx); err != nil {
		return connectFailure(err)
	}
	s.stored = !s.link.dialect.atomic || !s.job.Atomic
	if s.stored {
		return nil
	}
	s.begun = true
	for _, statement := range []string{isolation, "START TRANSACTION", "SAVEPOINT " + savepoint} {
		if err := s.link.run(bound, "%s", statement); err != nil {
			return connectFailure(err)
		}
	}
	return nil
}

// Commit commits the transaction, if it is still the one that was begun.
func (s *session) Commit(ctx context.Context) error {
	switch {
	case ctx.Err() != nil:
		return sql.Ended(ctx, "COMMIT")
	case s.begun:
		return s.commit(ctx)
	case s.link.dialect.atomic && !s.job.Atomic:
		return s.nothingOpen(ctx)
	}
	return nil
}

func (s *session) commit(ctx context.Context) error {
	if !s.stored {
		err := s.doing(ctx, giveUp, func(open context.Context) error {
			return s.link.run(open, "RELEASE SAVEPOINT %s", savepoint)
		})
		if isNumber(err, noSavepoint) {
			return executor.Refusef("transaction_ended", "a statement of the job ended its transaction; what it committed stays%s", orNotAtomic)
		}
		if err != nil || ctx.Err() != nil {
			return s.failure(ctx, "COMMIT", err)
		}
	}
	s.stored = true
	if err := s.doing(ctx, giveUp, func(open context.Context) error { return s.link.run(open, "COMMIT") }); err != nil {
		return s.failure(context.WithoutCancel(ctx), "COMMIT", err)
	}
	s.begun = false
	return nil
}

// nothingOpen makes sure that the statements of a job without a transaction have left
// none open: outside one a savepoint is gone at once.
func (s *session) nothingOpen(ctx context.Context) error {
	err := s.doing(ctx, giveUp, func(open context.Context) error {
		if err := s.link.run(open, "SAVEPOINT %s", savepoint); err != nil {
			return err
		}
		return s.link.run(open, "RELEASE SAVEPOINT %s", savepoint)
	})
	switch {
	case err == nil:
		return executor.Refusef("transaction_open",
			"the statements leave a transaction open, which was rolled back: a START TRANSACTION of theirs needs a COMMIT")
	case isNumber(err, noSavepoint):
		return nil
	}
	return s.failure(ctx, "the last statement", err)
}

// giveUp cuts the connection if the server has not answered a while after the end of
// the job.
func giveUp(done <-chan struct{}, cut func()) {
	select {
	case <-done:
	case <-time.After(killGrace):
		cut()
	}
}

// keepsTransaction refuses a statement that ends the transaction of the job by what it
// is. What cannot be known before, as of a procedure, is found out at the end.
func (s *session) keepsTransaction(st sql.Statement) error {
	if !s.begun {
		return nil
	}
	if found := ends.FindStringSubmatch(st.Text); found != nil {
		return executor.Refusef("transaction_ended",
			"%s (%s) would end the job's transaction; all statements of a job are one transaction, which is committed for them%s",
			st.Where, verb(strings.Join(found[1:], "")), orNotAtomic)
	}
	found := commits.FindStringSubmatch(st.Text)
	switch {
	case found == nil || temporary.MatchString(st.Text):
		return nil
	case st.Where == sql.OnlyStatement: // there is nothing else that it could commit
		s.stored = true
		return nil
	}
	return executor.Refusef("transaction_ended", "%s (%s) commits by itself, and with it the statements before it%s", st.Where, verb(found[1]), orNotAtomic)
}
