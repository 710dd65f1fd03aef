package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/store"
)

// submission are the options that submit and run share.
type submission struct {
	batch      string
	jobs       string
	onExisting string
	context    string
}

var policies = []string{"attach", "retry_failed", "rerun_all", "error"}

func (s *submission) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.batch, "batch", "", "key of the batch (required)")
	f.StringVar(&s.jobs, "jobs", "", "file of jobs, JSON lines or CSV with a header; - for standard input")
	f.StringVar(&s.onExisting, "on-existing", "retry_failed", "what becomes of jobs that exist: attach, retry_failed, rerun_all or error")
	f.StringVar(&s.context, "context", "", "JSON object: dag_id, run_id, task_id, map_index, try_number, logical_date, log_url, due_at; goes before AIRFLOW_CTX_*")
}

// check refuses what is wrong on the command line.
func (s *submission) check() error {
	switch {
	case s.batch == "":
		return usagef("--batch is missing: the key by which the jobs are found again")
	case !slices.Contains(policies, s.onExisting):
		return usagef("--on-existing is %q: must be attach, retry_failed, rerun_all or error", s.onExisting)
	case s.context != "" && !isObject(s.context):
		return usagef("--context is no JSON object: %s", s.context)
	}
	return nil
}

func isObject(text string) bool {
	var object map[string]json.RawMessage
	return json.Unmarshal([]byte(text), &object) == nil && object != nil
}

// submit sends the file of jobs.
func (s *submission) submit(ctx context.Context, st *store.Store, file jobsFile) (store.Submission, error) {
	runContext, err := s.runContext()
	if err != nil {
		return store.Submission{}, err
	}
	done, err := st.Submit(ctx, s.batch, file.jobs, runContext, s.onExisting)
	if err != nil {
		return store.Submission{}, s.refused(err, file)
	}
	return done, nil
}

// jobNumbers finds where a refusal names jobs by their number in the submission.
var (
	jobNumbers = regexp.MustCompile(`\bjobs? \d+(, \d+)*`)
	number     = regexp.MustCompile(`\d+`)
)

// refused puts a refusal by the database in terms of the file's lines.
func (s *submission) refused(err error, file jobsFile) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || store.Unreachable(err) {
		return err
	}
	message := jobNumbers.ReplaceAllStringFunc(pg.Message, func(jobs string) string {
		lines := number.ReplaceAllStringFunc(jobs, func(digits string) string {
			if n, _ := strconv.Atoi(digits); n >= 1 && n <= len(file.lines) {
				return strconv.Itoa(file.lines[n-1])
			}
			return digits
		})
		return strings.Replace(lines, "job", "line", 1)
	})
	if pg.Hint != "" {
		message += " (" + pg.Hint + ")"
	}
	return usagef("batch %q was refused, nothing was submitted: %s", s.batch, message)
}

// runContext identifies the scheduler's run: what Airflow puts into the
// environment of its tasks, and --context before that.
func (s *submission) runContext() (json.RawMessage, error) {
	fields := map[string]any{}
	for variable, field := range map[string]string{
		"AIRFLOW_CTX_DAG_ID":         "dag_id",
		"AIRFLOW_CTX_DAG_RUN_ID":     "run_id",
		"AIRFLOW_CTX_TASK_ID":        "task_id",
		"AIRFLOW_CTX_LOGICAL_DATE":   "logical_date", // Airflow 3
		"AIRFLOW_CTX_EXECUTION_DATE": "logical_date", // Airflow 2
	} {
		if value := os.Getenv(variable); value != "" {
			fields[field] = value
		}
	}
	if try, err := strconv.Atoi(os.Getenv("AIRFLOW_CTX_TRY_NUMBER")); err == nil {
		fields["try_number"] = try
	}
	if s.context != "" {
		if err := json.Unmarshal([]byte(s.context), &fields); err != nil {
			return nil, usagef("--context: %v", err)
		}
	}
	return json.Marshal(fields)
}

func submitCommand(std stdio) *cobra.Command {
	var (
		s    submission
		wait bool
	)
	cmd := &cobra.Command{
		Use:   "submit --batch KEY --jobs FILE|-",
		Short: "Submit a file of jobs for executors to run",
		Long: "submit sends a file of jobs, one JSON object per line or CSV with a header, under a batch key. A repeat is\n" +
			"harmless. The fields are the producer columns of tagexec.tag_jobs; one wrong line refuses the whole file.",
		Args: noArgs,
		RunE: withDatabase(func(ctx context.Context, c config) error {
			if err := s.check(); err != nil {
				return err
			}
			if s.jobs == "" {
				return usagef("--jobs is missing: a file of jobs, or - for standard input")
			}
			file, err := readJobs(s.jobs, std.in)
			if err != nil {
				return err
			}
			ctx, stop := untilSignal(ctx)
			defer stop()
			st, err := openStore(ctx, c)
			if err != nil {
				return err
			}
			defer st.Close()
			done, err := s.submit(ctx, st, file)
			if err != nil {
				return orSignal(ctx, err)
			}
			if err := printJSON(std.out, done); err != nil || !wait {
				return err
			}
			return waitFor(ctx, std, st, s.batch)
		}),
	}
	s.flags(cmd)
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until nothing of the batch is pending or running")
	return cmd
}

// waitFor waits until the batch is settled and says how it ended.
func waitFor(ctx context.Context, std stdio, st *store.Store, batch string) error {
	bar := newProgress(std.err, 10*time.Second)
	counts, err := watchBatch(ctx, st, batch, bar.batch)
	bar.end()
	if err != nil {
		return orSignal(ctx, err)
	}
	printProblems(ctx, std.err, st, batch, counts)
	if err := printJSON(std.out, counts); err != nil {
		return err
	}
	return exit(outcomeCode(counts))
}

// orSignal returns err, or the exit code of the signal that caused it.
func orSignal(ctx context.Context, err error) error {
	if code, yes := signalled(ctx); yes {
		return &exitError{code, context.Cause(ctx)}
	}
	return err
}
