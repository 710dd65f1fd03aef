package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/config"
	"github.com/tagexec/tagexec/cmd/internal/serve"
	"github.com/tagexec/tagexec/executor/runner/strictjson"
	"github.com/tagexec/tagexec/store"
)

// submission are the options that submit and run share.
type submission struct {
	batch      string
	jobs       string
	onExisting string
	context    string
	given      *pflag.FlagSet // tells an option that is empty from one that is not there
}

var policies = []string{"attach", "retry_failed", "rerun_all", "error"}

func (s *submission) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	s.given = f
	f.StringVar(&s.batch, "batch", "", "key of the batch (required)")
	f.StringVar(&s.jobs, "jobs", "", "file of jobs, JSON lines or CSV with a header; - for standard input")
	f.StringVar(&s.onExisting, "on-existing", "retry_failed", "what becomes of jobs that exist: attach, retry_failed, rerun_all or error")
	f.StringVar(&s.context, "context", "", "JSON object: dag_id, run_id, task_id, map_index, try_number, logical_date, log_url, due_at, expires_at, traceparent; goes before AIRFLOW_CTX_*")
}

// check refuses what is wrong on the command line. An option that is there and
// empty comes from a variable that was not set.
func (s *submission) check() error {
	switch {
	case s.batch == "":
		return cli.Usagef("--batch is missing: the key by which the jobs are found again")
	case !utf8.ValidString(s.batch) || utf8.RuneCountInString(s.batch) > 500:
		return cli.Usagef("--batch is %.80q: must be UTF-8 of at most 500 characters", s.batch)
	case s.jobs == "" && s.given.Changed("jobs"):
		return cli.Usagef("--jobs is empty: must be a file of jobs, or - for standard input")
	case !slices.Contains(policies, s.onExisting):
		return cli.Usagef("--on-existing is %q: must be attach, retry_failed, rerun_all or error", s.onExisting)
	}
	_, err := s.runContext()
	return err
}

// submit sends the file of jobs.
func (s *submission) submit(ctx context.Context, st *store.Store, file *jobsFile) (store.Submission, error) {
	runContext, err := s.runContext()
	if err != nil {
		return store.Submission{}, err
	}
	done, err := st.Submit(ctx, s.batch, file.array(), runContext, s.onExisting)
	if err != nil {
		return store.Submission{}, s.refused(ctx, st, err, file)
	}
	return done, nil
}

// jobNumbers finds where a refusal names jobs by their number in the submission:
// at its beginning, before any text of the jobs.
var jobNumbers = regexp.MustCompile(`^((?:the dedupe_key of )?)job(s?) (\d+(?:, \d+)*)`)

// refused puts a refusal by the database in terms of the file's lines.
func (s *submission) refused(ctx context.Context, st *store.Store, err error, file *jobsFile) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || store.Unreachable(err) {
		return err
	}
	message := pg.Message
	if found := jobNumbers.FindStringSubmatch(message); found != nil {
		var lines []string
		for _, digits := range strings.Split(found[3], ", ") {
			if n, _ := strconv.Atoi(digits); n >= 1 && n <= len(file.lines) {
				digits = strconv.Itoa(file.lines[n-1])
			}
			lines = append(lines, digits)
		}
		message = found[1] + "line" + found[2] + " " + strings.Join(lines, ", ") + message[len(found[0]):]
	} else if pgerrcode.IsDataException(pg.Code) {
		// The server did not get as far as to tell the jobs apart.
		n, err := file.firstRefused(func(jobs json.RawMessage) error { return st.ReadJSON(ctx, jobs) })
		if errors.As(err, &pg) {
			message = fmt.Sprintf("line %d: %s", file.lines[n], pg.Message)
		}
	}
	if strings.HasSuffix(pg.ConstraintName, "_pkey") { // numbers come from a sequence
		pg.Hint = "the sequence of the table is behind it, and `tagexec doctor` says how to mend that"
	}
	if pg.Hint != "" {
		message += " (" + pg.Hint + ")"
	}
	return cli.Usagef("batch %q was refused, nothing was submitted: %s", s.batch, cli.Printable(message))
}

var (
	contextFields = []string{"dag_id", "run_id", "task_id", "map_index", "try_number", "logical_date", "log_url", "due_at", "expires_at", "traceparent"}
	contextTimes  = []string{"logical_date", "due_at", "expires_at"}
)

// runContext identifies the scheduler's run: what Airflow puts into the
// environment of its tasks, and --context before that.
func (s *submission) runContext() (json.RawMessage, error) {
	fields := config.AirflowRun()
	if !s.given.Changed("context") {
		return json.Marshal(fields)
	}
	object, err := strictjson.Object([]byte(s.context), contextFields...)
	if err == nil {
		err = checkStorable([]byte(s.context))
	}
	if err != nil {
		return nil, cli.Usagef("--context: %w", err)
	}
	for name, value := range object {
		fields[name] = value
		if text := (*string)(nil); slices.Contains(contextTimes, name) && json.Unmarshal(value, &text) == nil && text != nil {
			if fields[name], err = zonedTime(*text); err != nil {
				return nil, cli.Usagef("--context: %s %w", name, err)
			}
		}
	}
	return json.Marshal(fields)
}

func submitCommand(std cli.Streams) *cobra.Command {
	var (
		s    submission
		wait bool
	)
	cmd := &cobra.Command{
		Use:   "submit --batch KEY --jobs FILE|-",
		Short: "Submit a file of jobs for executors to run",
		Long: "submit sends a file of jobs, one JSON object per line or CSV with a header, under a batch key. A repeat is\n" +
			"harmless. The fields are the producer columns of tagexec.tag_jobs; one wrong line refuses the whole file.\n\n" + limitsOfFiles,
		Args: cli.NoArgs,
		RunE: withDatabase(func(ctx context.Context, c config.Config) error {
			if err := s.check(); err != nil {
				return err
			}
			if s.jobs == "" {
				return cli.Usagef("--jobs is missing: a file of jobs, or - for standard input")
			}
			return s.submitAndWait(ctx, std, c, wait)
		}),
	}
	s.flags(cmd)
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until nothing of the batch is pending or running")
	return cmd
}

// submitAndWait submits the file, and if it shall wait, says how the batch ended.
func (s *submission) submitAndWait(ctx context.Context, std cli.Streams, c config.Config, wait bool) error {
	file, err := readJobs(ctx, s.jobs, std, s.batch)
	if err != nil {
		return err
	}
	st, err := serve.OpenStore(ctx, c)
	if err != nil {
		return err
	}
	defer st.Close()
	done, err := s.submit(ctx, st, file)
	if err != nil {
		return err
	}
	if err := printJSON(std.Out, done); err != nil || !wait {
		return err
	}
	w := newBatchWatch(std, st, s.batch, 10*time.Second)
	counts, err := w.untilSettled(ctx)
	if err != nil {
		return err
	}
	printProblems(ctx, std.Err, st, s.batch, counts)
	if err := printJSON(std.Out, counts); err != nil {
		return err
	}
	return cli.Exit(outcomeCode(counts))
}
