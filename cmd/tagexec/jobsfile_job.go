package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"time"
	"unicode/utf8"

	"github.com/tagexec/tagexec/executor/runner/strictjson"
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
	Slots          *int64          `json:"slots,omitempty"`
	Priority       *int64          `json:"priority,omitempty"`
	MutexKey       *string         `json:"mutex_key,omitempty"`
	RunAt          *string         `json:"run_at,omitempty"`
	TimeoutSeconds *int64          `json:"timeout_seconds,omitempty"`
	MaxAttempts    *int64          `json:"max_attempts,omitempty"`
}

var fileFields = []string{"tag", "kind", "payload", "batch", "biz_date", "dedupe_key", "pool", "slots", "priority", "mutex_key",
	"run_at", "timeout_seconds", "max_attempts"}

// decodeJob reads one JSON object and puts its errors in words.
func decodeJob(text []byte) (fileJob, error) {
	var job fileJob
	if err := checkUTF8(text); err != nil {
		return job, err
	}
	if _, err := strictjson.Object(text, fileFields...); err != nil {
		return job, err
	}
	if err := checkStorable(text); err != nil {
		return job, err
	}
	var wrongType *json.UnmarshalTypeError
	err := json.Unmarshal(text, &job)
	if errors.As(err, &wrongType) {
		want := "a string"
		if wrongType.Type.Kind() == reflect.Int64 {
			want = "a whole number"
		}
		return job, fmt.Errorf("%s is a JSON %.80s, must be %s", wrongType.Field, wrongType.Value, want)
	}
	return job, err
}

// check holds a job against the rules of tag_jobs that need no database, so
// that the line can be named. It puts the time in the form that every server
// reads alike.
func (j *fileJob) check(batch string) error {
	payload := bytes.TrimSpace(j.Payload)
	switch {
	case len(payload) > 0 && payload[0] != '{' && string(payload) != "null":
		return errors.New("payload must be a JSON object")
	case len(payload) > largestPayload && jsonSize(payload) > largestPayload:
		return fmt.Errorf("payload has %d bytes, may have %d", jsonSize(payload), largestPayload)
	case j.Batch != nil && *j.Batch != batch:
		return fmt.Errorf("batch is %.80q, but --batch is %.80q", *j.Batch, batch)
	}
	for _, text := range []struct {
		name  string
		value *string
		most  int
	}{{"tag", &j.Tag, 200}, {"kind", j.Kind, 100}, {"dedupe_key", j.DedupeKey, 500}, {"pool", j.Pool, 200}, {"mutex_key", j.MutexKey, 500}} {
		if text.value != nil {
			if n := utf8.RuneCountInString(*text.value); n < 1 || n > text.most {
				return fmt.Errorf("%s has %d characters, must have 1 to %d", text.name, n, text.most)
			}
		}
	}
	for _, number := range []struct {
		name        string
		value       *int64
		least, most int64
	}{{"slots", j.Slots, 1, math.MaxInt32}, {"priority", j.Priority, 0, 9}, {"timeout_seconds", j.TimeoutSeconds, 1, math.MaxInt32}, {"max_attempts", j.MaxAttempts, 1, 100}} {
		if v := number.value; v != nil && (*v < number.least || *v > number.most) {
			return fmt.Errorf("%s is %d, must be from %d to %d", number.name, *v, number.least, number.most)
		}
	}
	if j.BizDate != nil {
		if day, err := time.Parse(time.DateOnly, *j.BizDate); err != nil || day.Year() < 1 {
			return fmt.Errorf("biz_date is %.80q, must look like 2026-11-22", *j.BizDate)
		}
	}
	if j.RunAt != nil {
		at, err := zonedTime(*j.RunAt)
		if err != nil {
			return fmt.Errorf("run_at %w", err)
		}
		j.RunAt = &at
	}
	return nil
}

// zonedTime reads a moment, and returns it as RFC 3339 has it. One without a zone
// is refused: Postgres would take the zone of the login that happens to submit it.
func zonedTime(text string) (string, error) {
	for _, between := range []string{"T", " "} {
		for _, clock := range []string{"15:04:05", "15:04"} {
			for _, zone := range []string{"Z07:00", "Z0700", "Z07", " Z07:00"} {
				if at, err := time.Parse(time.DateOnly+between+clock+zone, text); err == nil && at.Year() >= 1 {
					return at.Format(time.RFC3339Nano), nil
				}
			}
		}
	}
	return "", fmt.Errorf("is %.80q: must be a time with its zone, such as 2026-11-28T20:00:00+08:00 or 2026-11-28T12:00:00Z", text)
}
