package runner

import (
	"io"
	"os"
	"sync"
)

// pipes are the three streams between a process and us.
type pipes struct {
	stdin, stdout, stderr *os.File // our ends; stdin is nil without input
	child                 []*os.File
}

// connect makes the pipes and gives the child's ends to the command.
func (s *pipes) connect(p *process) (err error) {
	var in, out, errs *os.File
	if s.stdout, out, err = os.Pipe(); err != nil {
		return err
	}
	s.child = append(s.child, out)
	if s.stderr, errs, err = os.Pipe(); err != nil {
		return err
	}
	s.child = append(s.child, errs)
	p.cmd.Stdout, p.cmd.Stderr = out, errs
	if p.stdin == nil {
		return nil
	}
	if in, s.stdin, err = os.Pipe(); err != nil {
		return err
	}
	s.child = append(s.child, in)
	p.cmd.Stdin = in
	return nil
}

// copy feeds the started process and reads what it prints, until no process
// holds its ends; then the returned channel is closed. Closing the pipes ends
// it early.
func (s *pipes) copy(p *process) <-chan struct{} {
	s.closeChild()
	var streams sync.WaitGroup
	streams.Go(func() { _, _ = io.Copy(io.MultiWriter(&p.output, &p.stdout), s.stdout) })
	streams.Go(func() { _, _ = io.Copy(io.MultiWriter(&p.output, &p.stderr), s.stderr) })
	if s.stdin != nil {
		streams.Go(func() {
			_, _ = io.WriteString(s.stdin, *p.stdin) // a command need not read its input
			_ = s.stdin.Close()
		})
	}
	done := make(chan struct{})
	go func() {
		streams.Wait()
		close(done)
	}()
	return done
}

// close closes all ends; it may be called again.
func (s *pipes) close() {
	s.closeChild()
	for _, f := range []*os.File{s.stdin, s.stdout, s.stderr} {
		if f != nil {
			_ = f.Close()
		}
	}
}

func (s *pipes) closeChild() {
	for _, f := range s.child {
		_ = f.Close()
	}
	s.child = nil
}
