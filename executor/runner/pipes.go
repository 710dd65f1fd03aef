package runner

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"sync"
)

// pipes are the streams between a command, its guardian and us.
type pipes struct {
	stdin, stdout, stderr *os.File // our ends; stdin is nil without input
	orders, reports       *os.File // our ends
	child                 []*os.File
}

// connect makes the pipes and gives the other ends to the guardian, of which
// the first three are the command's.
func (s *pipes) connect(p *process) (err error) {
	var out, errs, orders, reports *os.File
	if s.stdout, out, err = s.pipe(false); err != nil {
		return err
	}
	if s.stderr, errs, err = s.pipe(false); err != nil {
		return err
	}
	if s.reports, reports, err = s.pipe(false); err != nil {
		return err
	}
	if s.orders, orders, err = s.pipe(true); err != nil {
		return err
	}
	p.cmd.Stdout, p.cmd.Stderr = out, errs
	p.cmd.ExtraFiles = []*os.File{orders, reports} // ordersFD, reportsFD
	if p.stdin == nil {
		return nil
	}
	var in *os.File
	if s.stdin, in, err = s.pipe(true); err != nil {
		return err
	}
	p.cmd.Stdin = in
	return nil
}

// pipe makes a pipe to write to, or to read from.
func (s *pipes) pipe(write bool) (ours, theirs *os.File, err error) {
	read, written, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	ours, theirs = read, written
	if write {
		ours, theirs = written, read
	}
	s.child = append(s.child, theirs)
	return ours, theirs, nil
}

// copy feeds the started command and reads what it prints, until no process
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

// readReports returns what the guardian reports. The channel is closed when it
// is gone.
func (s *pipes) readReports() <-chan report {
	reports := make(chan report, 3) // it has no more to say
	go func() {
		defer close(reports)
		lines := bufio.NewScanner(s.reports)
		for lines.Scan() {
			var r report
			if _, err := fmt.Sscanf(lines.Text(), "%c%d", &r.verb, &r.number); err == nil {
				reports <- r
			}
		}
	}()
	return reports
}

// close closes all ends; it may be called again.
func (s *pipes) close() {
	s.closeChild()
	for _, f := range []*os.File{s.stdin, s.stdout, s.stderr, s.orders, s.reports} {
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
