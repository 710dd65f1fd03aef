package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"
)

// fileJob is a job as a file gives it: the producer columns of tag_jobs.
type fileJob struct {
	Tag            string          `json:"tag"`
	Kind           *string         `json:"kind,omitempty"`
	Payload        json.RawMessage `json:"payload,omitempty"`
	Batch          *string         `json:"batch,omitempty"`
	BizDate        *string         `json:"biz_date,omitempty"`
	DedupeKey      *string         `json:"dedupe_key,omitempty"`
	Pool           *string         `json:"pool,omitempty"`
	Slots          *int32          `json:"slots,omitempty"`
	Priority       *int16          `json:"priority,omitempty"`
	MutexKey       *string         `json:"mutex_key,omitempty"`
	RunAt          *string         `json:"run_at,omitempty"`
	TimeoutSeconds *int32          `json:"timeout_seconds,omitempty"`
	MaxAttempts    *int16          `json:"max_attempts,omitempty"`
}

var fileFields = []string{"tag", "kind", "payload", "batch", "biz_date", "dedupe_key", "pool", "slots", "priority", "mutex_key",
	"run_at", "timeout_seconds", "max_attempts"}

// jobsFile is a file of jobs, read and checked, in the form submit_jobs takes.
type jobsFile struct {
	jobs  json.RawMessage
	count int
	lines []int // where each job begins, for errors of the database
}

// readJobs reads the file at path, or in for "-": JSON lines, or CSV with a
// header line. One wrong line refuses the whole file; the error names the line
// and what is wrong with it.
func readJobs(path string, in io.Reader) (jobsFile, error) {
	name := path
	if path == "-" {
		name = "standard input"
	} else {
		f, err := os.Open(path)
		if err != nil {
			return jobsFile{}, usagef("read jobs: %v", err)
		}
		defer f.Close()
		in = f
	}
	reader := bufio.NewReader(in)
	read := readCSV
	if first, err := firstByte(reader); err != nil && !errors.Is(err, io.EOF) {
		return jobsFile{}, usagef("read jobs from %s: %v", name, err)
	} else if first == '{' || errors.Is(err, io.EOF) {
		read = readJSONLines
	} else if first == '[' {
		return jobsFile{}, usagef("%s holds a JSON array; one JSON object per line is wanted (jq -c '.[]' makes them)", name)
	}
	var (
		file jobsFile
		jobs []fileJob
	)
	err := read(reader, func(line int, job fileJob) error {
		jobs, file.lines = append(jobs, job), append(file.lines, line)
		return nil
	})
	if err != nil {
		return jobsFile{}, usagef("%s, %v; nothing was submitted", name, err)
	}
	file.count = len(jobs)
	if file.jobs, err = json.Marshal(jobs); err != nil {
		return jobsFile{}, fmt.Errorf("encode jobs: %w", err)
	}
	if file.count == 0 {
		file.jobs = json.RawMessage("[]")
	}
	return file, nil
}

// firstByte returns the first byte that is not blank, without taking it.
func firstByte(r *bufio.Reader) (byte, error) {
	for n := 1; ; n++ {
		seen, err := r.Peek(n)
		if err != nil {
			return 0, err
		}
		if b := seen[n-1]; !strings.ContainsRune(" \t\r\n\ufeff\xef\xbb\xbf", rune(b)) {
			return b, nil
		}
	}
}

const longestLine = 1 << 20 // of JSON; a payload has at most 256 kB

func readJSONLines(r io.Reader, add func(line int, job fileJob) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, longestLine)
	n := 0
	for lines.Scan() {
		n++
		text := bytes.TrimSpace(bytes.TrimPrefix(lines.Bytes(), []byte("\ufeff")))
		if len(text) == 0 {
			continue
		}
		job, err := decodeJob(text)
		if err == nil {
			err = job.check()
		}
		if err == nil {
			err = add(n, job)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("line %d: %w", n+1, err)
	}
	return nil
}

// decodeJob reads one JSON object and puts its errors in words.
func decodeJob(text []byte) (fileJob, error) {
	var job fileJob
	if !utf8.Valid(text) {
		return job, errors.New("is not valid UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&job)
	var wrongType *json.UnmarshalTypeError
	switch {
	case err == nil && decoder.More():
		return job, errors.New("has more than one JSON value")
	case err == nil:
		return job, nil
	case errors.As(err, &wrongType):
		return job, fmt.Errorf("%s is a JSON %s, must be %s", wrongType.Field, wrongType.Value, wrongType.Type)
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		return job, fmt.Errorf("unknown field %s; known: %s", strings.TrimPrefix(err.Error(), "json: unknown field "), strings.Join(fileFields, ", "))
	case errors.Is(err, io.ErrUnexpectedEOF):
		return job, errors.New("the JSON object does not end on its line")
	}
	return job, fmt.Errorf("is no JSON object: %s", strings.TrimPrefix(err.Error(), "json: "))
}

// readCSV reads rows under a header of column names. An empty cell stands for
// the column's default.
func readCSV(r io.Reader, add func(line int, job fileJob) error) error {
	rows := csv.NewReader(r)
	header, err := rows.Read()
	if err != nil {
		return err
	}
	header[0] = strings.TrimPrefix(header[0], "\ufeff")
	known := map[string]bool{}
	for _, f := range fileFields {
		known[f] = true
	}
	for i, name := range header {
		header[i] = strings.TrimSpace(name)
		if !known[header[i]] {
			return fmt.Errorf("line 1: unknown column %q; known: %s", header[i], strings.Join(fileFields, ", "))
		}
		known[header[i]] = false
	}
	if known["tag"] {
		return errors.New("line 1: there is no column tag")
	}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		var syntax *csv.ParseError
		if errors.As(err, &syntax) {
			return fmt.Errorf("line %d: %w", syntax.Line, syntax.Err)
		}
		if err != nil {
			return err
		}
		line, _ := rows.FieldPos(0)
		job, err := csvJob(header, row)
		if err == nil {
			err = job.check()
		}
		if err == nil {
			err = add(line, job)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
}

// csvJob turns a row into the JSON object it stands for, and reads that.
func csvJob(header, row []string) (fileJob, error) {
	object := map[string]json.RawMessage{}
	for i, name := range header {
		cell := row[i]
		switch name {
		case "payload", "slots", "priority", "timeout_seconds", "max_attempts":
			if strings.TrimSpace(cell) == "" {
				continue
			}
			if !json.Valid([]byte(cell)) {
				return fileJob{}, fmt.Errorf("%s is %q: must be JSON", name, cell)
			}
			object[name] = json.RawMessage(cell)
		default:
			if cell == "" {
				continue
			}
			text, err := json.Marshal(cell)
			if err != nil {
				return fileJob{}, err
			}
			object[name] = text
		}
	}
	text, err := json.Marshal(object)
	if err != nil {
		return fileJob{}, err
	}
	return decodeJob(text)
}

// check holds a job against the rules of tag_jobs that need no database, so
// that the line can be named.
func (j fileJob) check() error {
	payload := bytes.TrimSpace(j.Payload)
	switch {
	case utf8.RuneCountInString(j.Tag) < 1 || utf8.RuneCountInString(j.Tag) > 200:
		return fmt.Errorf("tag has %d characters, must have 1 to 200", utf8.RuneCountInString(j.Tag))
	case len(payload) > 0 && payload[0] != '{' && string(payload) != "null":
		return errors.New("payload must be a JSON object")
	case len(payload) > 256<<10:
		return fmt.Errorf("payload has %d bytes, may have 262144", len(payload))
	case j.Slots != nil && *j.Slots < 1:
		return fmt.Errorf("slots is %d, must be at least 1", *j.Slots)
	case j.Priority != nil && (*j.Priority < 0 || *j.Priority > 9):
		return fmt.Errorf("priority is %d, must be from 0 to 9", *j.Priority)
	case j.TimeoutSeconds != nil && *j.TimeoutSeconds < 1:
		return fmt.Errorf("timeout_seconds is %d, must be more than 0", *j.TimeoutSeconds)
	case j.MaxAttempts != nil && (*j.MaxAttempts < 1 || *j.MaxAttempts > 100):
		return fmt.Errorf("max_attempts is %d, must be from 1 to 100", *j.MaxAttempts)
	}
	if j.BizDate != nil {
		if _, err := time.Parse(time.DateOnly, *j.BizDate); err != nil {
			return fmt.Errorf("biz_date is %q, must look like 2026-11-22", *j.BizDate)
		}
	}
	for _, text := range []struct {
		name  string
		value *string
		most  int
	}{{"kind", j.Kind, 100}, {"batch", j.Batch, 500}, {"dedupe_key", j.DedupeKey, 500}, {"pool", j.Pool, 200}, {"mutex_key", j.MutexKey, 500}} {
		if text.value != nil {
			if n := utf8.RuneCountInString(*text.value); n < 1 || n > text.most {
				return fmt.Errorf("%s has %d characters, must have 1 to %d", text.name, n, text.most)
			}
		}
	}
	return nil
}
