package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/tagexec/tagexec/cmd/internal/cli"
)

// Limits of a file of jobs, besides those of tag_jobs.
const (
	// One call of submit_jobs takes the whole file. Postgres reads no JSON array of
	// 256 MB, and this program holds about four copies until it is sent.
	largestFile = 64 << 20 // bytes of JSON
	// A payload has at most 256 kB, of which each byte may be written \u00xx.
	longestLine = 2 << 20 // bytes
	// Postgres and the readers of many languages end between 1,000 and 10,000.
	deepestPayload = 500 // levels
)

// limitsOfFiles is what the help of submit and run says of them.
var limitsOfFiles = fmt.Sprintf("A file is UTF-8. It may hold %d MB of jobs, a line %d MB, a payload 256 kB in up to %d levels; run_at names its\n"+
	"zone (2026-11-28T20:00:00+08:00). What is larger is split, and each part submitted under the same --batch.",
	largestFile>>20, longestLine>>20, deepestPayload)

// jobsFile is a file of jobs, read and checked, in the form submit_jobs takes.
type jobsFile struct {
	batch string // that the jobs are for
	jobs  bytes.Buffer
	lines []int // where each job begins, for errors of the database
}

// readJobs reads the file at path, or stdin for "-": JSON lines, or CSV with a
// header line. One wrong line refuses the whole file; the error names the line
// and what is wrong with it. The end of ctx ends the wait for input.
func readJobs(ctx context.Context, path string, std cli.Streams, batch string) (*jobsFile, error) {
	name := cli.Printable(path)
	if path == "-" {
		name = "standard input"
		if cli.OnTerminal(std.In) {
			fmt.Fprintln(std.Err, "reading jobs from the terminal; Ctrl-D ends them")
		}
	}
	type answer struct {
		file *jobsFile
		err  error
	}
	done := make(chan answer, 1)
	// Nothing interrupts a read of a terminal or a dead mount, or the open of a FIFO
	// that nobody writes: when ctx ends first, the goroutine is left behind, and ends
	// with the process.
	go func() {
		file, err := readFile(path, name, std.In, batch)
		done <- answer{file, err}
	}()
	select {
	case a := <-done:
		if a.err == nil && len(a.file.lines) == 0 {
			fmt.Fprintf(std.Err, "%s holds no job: nothing is added to batch %s\n", name, cli.Printable(batch))
		}
		return a.file, a.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w while jobs were read from %s", context.Cause(ctx), name)
	}
}

func readFile(path, name string, in io.Reader, batch string) (*jobsFile, error) {
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, cli.Usagef("read jobs from %s: %w", name, bare(err))
		}
		defer f.Close()
		in = f
	}
	reader := bufio.NewReaderSize(in, 64<<10)
	read, err := formatOf(reader)
	if err != nil {
		return nil, cli.Usagef("read jobs from %s: %w", name, bare(err))
	}
	file := &jobsFile{batch: batch}
	if err := read(reader, file.add); err != nil {
		return nil, cli.Usagef("%s, %w; nothing was submitted", name, bare(err))
	}
	return file, nil
}

// bare returns an error of a file without the name, which is said already.
func bare(err error) error {
	if path := (*os.PathError)(nil); errors.As(err, &path) {
		return path.Err
	}
	return err
}

// add takes the job that begins at a line, if it is right.
func (f *jobsFile) add(line int, job fileJob) error {
	if err := job.check(f.batch); err != nil {
		return err
	}
	encoder := json.NewEncoder(&f.jobs)
	encoder.SetEscapeHTML(false)
	f.jobs.WriteByte(before(len(f.lines)))
	if err := encoder.Encode(job); err != nil {
		return err
	}
	if f.jobs.Len() > largestFile {
		return fmt.Errorf("the jobs up to here have more than %d MB: split the file (a CSV's header goes into each part) and submit the parts under the same --batch",
			largestFile>>20)
	}
	f.lines = append(f.lines, line)
	return nil
}

// before is what stands before an element of a JSON array.
func before(element int) byte {
	if element == 0 {
		return '['
	}
	return ','
}

// array returns the jobs as one JSON array.
func (f *jobsFile) array() json.RawMessage {
	if len(f.lines) == 0 {
		return json.RawMessage("[]")
	}
	return append(f.jobs.Bytes(), ']')
}

// firstRefused returns the number of the first job, from 0, with which read
// fails, and its error; or an error of nil.
func (f *jobsFile) firstRefused(read func(jobs json.RawMessage) error) (n int, err error) {
	elements := bytes.Split(bytes.TrimSpace(f.jobs.Bytes()), []byte("\n"))[:len(f.lines)] // as add wrote them
	for len(elements) > 0 {
		half := elements[:(len(elements)+1)/2]
		jobs := append([]byte("["), bytes.Join(half, nil)[1:]...)
		switch refused := read(append(jobs, ']')); {
		case refused == nil:
			n += len(half)
			elements = elements[len(half):]
		case len(half) == len(elements):
			return n, refused
		default:
			elements = half
		}
	}
	return 0, nil
}
