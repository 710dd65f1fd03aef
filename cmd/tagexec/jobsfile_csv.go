package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// readCSV reads rows under a header of column names. An empty cell stands for
// the column's default.
func readCSV(r io.Reader, add func(line int, job fileJob) error) error {
	allowed := &allowance{r: r, left: longestLine}
	rows := csv.NewReader(allowed)
	rows.FieldsPerRecord = -1 // checked here
	var header []string
	for line, end := 0, 0; ; { // of a row
		row, err := rows.Read()
		if errors.Is(err, io.EOF) && row == nil {
			return nil
		}
		if line = end + 1; len(row) > 0 {
			line, _ = rows.FieldPos(0)
			last := len(row) - 1
			end, _ = rows.FieldPos(last)
			end += strings.Count(row[last], "\n")
		}
		switch syntax := (*csv.ParseError)(nil); {
		case errors.As(err, &syntax):
			line, err = syntax.StartLine, fmt.Errorf("%w (a cell with quotes, commas or ends of lines stands in quotes, each quote in it twice)", syntax.Err)
		case err == nil:
			row[0] = strings.TrimPrefix(row[0], string(byteOrderMark)) // joined files have several
			err = checkText(row)
		}
		switch {
		case err != nil:
		case len(row) == 1 && strings.Trim(row[0], " \t\x1a") == "": // blanks, or the mark of DOS for the end
		case header == nil:
			header, err = readHeader(row)
		case slices.Equal(row, header):
			err = errors.New("it is the header again: a file that was joined from several has one at its beginning")
		case len(row) != len(header):
			err = fmt.Errorf("there are %d cells for %d columns", len(row), len(header))
		default:
			var job fileJob
			if job, err = csvJob(header, row); err == nil {
				err = add(line, job)
			}
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
		allowed.left = longestLine
	}
}

// allowance ends the input where a line is longer than allowed: after a quote
// that is never closed, the rest of the file is one line.
type allowance struct {
	r    io.Reader
	left int // bytes
}

func (a *allowance) Read(p []byte) (int, error) {
	if a.left <= 0 {
		return 0, errLongLine
	}
	n, err := a.r.Read(p[:min(len(p), a.left)])
	a.left -= n
	return n, err
}

// checkText refuses a row that is not UTF-8, and one that may be several: the
// reader takes a carriage return alone for a part of the cell.
func checkText(row []string) error {
	for _, cell := range row {
		if err := checkUTF8([]byte(cell)); err != nil {
			return err
		}
		if before, _, found := strings.Cut(cell, "\r"); found {
			return fmt.Errorf("there is a carriage return without a line feed after %q (tr '\\r' '\\n' makes lines of a file that has only those)", lastOf([]byte(before)))
		}
	}
	return nil
}

// readHeader returns the columns that a header names.
func readHeader(row []string) ([]string, error) {
	var header []string
	for _, name := range row {
		name = strings.TrimSpace(name)
		switch {
		case name == "":
			return nil, fmt.Errorf("column %d has no name", len(header)+1)
		case len(row) == 1 && strings.ContainsAny(name, ";\t|"):
			return nil, fmt.Errorf("unknown column %.80q: commas separate columns", name)
		case !slices.Contains(fileFields, name):
			return nil, fmt.Errorf("unknown column %.80q; known: %s", name, strings.Join(fileFields, ", "))
		case slices.Contains(header, name):
			return nil, fmt.Errorf("column %s is there twice", name)
		}
		header = append(header, name)
	}
	if !slices.Contains(header, "tag") {
		return nil, errors.New("there is no column tag")
	}
	return header, nil
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
				return fileJob{}, fmt.Errorf("%s is %.80q: must be %s", name, cell, wanted(name))
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

// wanted says what a cell that is read as JSON must hold.
func wanted(column string) string {
	if column == "payload" {
		return "a JSON object"
	}
	return "a whole number"
}
