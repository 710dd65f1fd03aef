package operate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

func jobsShow(std cli.Streams) *cobra.Command {
	var o listing.Options
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show all of one job: why it does not run or how it ended, its attempts, its payload",
		Long: "show begins with why the job does not run, where it runs, or how it ended. Payload and result are\n" +
			"shown to members of tagexec_viewer and tagexec_operator.",
		Example: "  tagexec jobs show 42\n" +
			"  tagexec jobs show 42 -o json | jq .payload\n" +
			"  tagexec jobs show 42 --tz UTC",
		Args:              oneArgument(aJob),
		ValidArgsFunction: completeArgument(completeJobs, false),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := jobNumber(args[0])
			if err != nil {
				return err
			}
			look, err := o.Look(std)
			if err != nil {
				return err
			}
			return withReader(cmd, look, func(ctx context.Context, r *report.Reader) error {
				job, err := r.JobDetail(ctx, id)
				if err != nil {
					return err
				}
				if look, people, err := listing.Document(std, &o, job, "id"); err != nil || !people {
					return err
				} else {
					return printJob(look, job)
				}
			})
		},
	}
	o.Flags(cmd)
	return cmd
}

func printJob(l *listing.Look, j report.JobDetail) error {
	l.Say("job %d (%s): %s", j.ID, j.Tag, j.Explanation)
	l.Items(
		listing.Item{Name: "state", Value: j.State},
		listing.Item{Name: "batch", Value: maybe(j.Batch)},
		listing.Item{Name: "business date", Value: maybe(j.BizDate)},
		listing.Item{Name: "kind, pool", Value: fmt.Sprintf("%s in %s, %s, priority %d", j.Kind, j.Pool, listing.Plural(j.Slots, "slot"), j.Priority)},
		listing.Item{Name: "attempts", Value: fmt.Sprintf("%d, of which %d of %d failures", j.Attempt, j.Failures, j.MaxAttempts)},
		listing.Item{Name: "mutex key", Value: maybe(j.MutexKey)},
		listing.Item{Name: "dedupe key", Value: maybe(j.DedupeKey)},
		listing.Item{Name: "created", Value: fmt.Sprintf("%s by %s", moment(l, &j.CreatedAt), j.CreatedBy)},
		listing.Item{Name: "due", Value: unless(j.RunAt.Equal(j.CreatedAt), moment(l, &j.RunAt))},
		listing.Item{Name: "waited", Value: seconds(j.QueueWaitSeconds)},
		listing.Item{Name: "started", Value: moment(l, j.StartedAt)},
		listing.Item{Name: "finished", Value: moment(l, j.FinishedAt)},
		listing.Item{Name: "ran", Value: seconds(j.RunSeconds)},
		listing.Item{Name: "rows", Value: number(j.RowsAffected)},
		listing.Item{Name: "exit code", Value: number(j.ExitCode)},
		listing.Item{Name: "Airflow", Value: airflow(j.DagID, j.RunID, j.TaskID)},
		listing.Item{Name: "log", Value: maybe(j.LogURL)},
	)
	if j.Withheld != nil {
		l.Print("payload and result: %s may read them, this login may not", j.Withheld.Role)
	}
	printJSONText(l, "payload", j.Payload)
	printJSONText(l, "result", j.Result)
	if len(j.Attempts) == 0 {
		return nil
	}
	l.Print("")
	if err := listing.Rows(l, []string{"attempt", "outcome", "hostname", "started_at", "run_seconds", "output_bytes", "query_id", "error_code", "error"}, j.Attempts); err != nil {
		return err
	}
	if j.Attempts[0].OutputBytes > 0 {
		l.Print("output: tagexec jobs logs %d", j.ID)
	}
	return nil
}

// printJSONText prints JSON with its lines, none if there is none.
func printJSONText(l *listing.Look, name string, value json.RawMessage) {
	var b bytes.Buffer
	if len(value) == 0 || string(value) == "null" || json.Indent(&b, value, "", "  ") != nil {
		return
	}
	l.Print("%s", name)
	for line := range strings.Lines(b.String()) {
		l.Print("  %s", strings.TrimRight(line, "\n"))
	}
}

// moment is a time that may be missing, with its zone.
func moment(l *listing.Look, t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.In(l.Zone).Format("2006-01-02 15:04:05 MST")
}

// seconds is a duration that may be missing.
func seconds(s *float64) string {
	if s == nil {
		return ""
	}
	return listing.Seconds(*s)
}

// unless is a text, if something does not hold.
func unless(holds bool, text string) string {
	if holds {
		return ""
	}
	return text
}

// airflow names a task of Airflow.
func airflow(dag, run, task *string) string {
	return strings.Join(strings.Fields(strings.Join([]string{maybe(dag), maybe(run), maybe(task)}, " ")), " ")
}
