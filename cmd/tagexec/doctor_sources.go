package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/config"
	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/store/doctor"
)

// sourcesTime is how long all sources together may take to answer.
const sourcesTime = 15 * time.Second

// diagnoseSources says of each source of SQL jobs whether it answers, what it is, and
// what it guarantees.
func diagnoseSources(ctx context.Context, c config.Config) ([]doctor.Diagnosis, error) {
	if len(c.SQLSources) == 0 {
		return nil, cli.Usagef("--sources: %s_SQL_SOURCES is not set, so there are none", config.Prefix)
	}
	sources, err := runner.NewSQL(ctx, c.SQLSources, runner.SQLOptions{PoolSize: 1})
	if err != nil {
		return nil, cli.Usagef("%s_SQL_SOURCES: %v", config.Prefix, err)
	}
	defer sources.Close()
	ctx, cancel := context.WithTimeout(ctx, sourcesTime)
	defer cancel()
	var list []doctor.Diagnosis
	for _, s := range sources.Describe(ctx) {
		list = append(list, diagnosisOf(s))
	}
	return list, nil
}

func diagnosisOf(s runner.SourceStatus) doctor.Diagnosis {
	d := doctor.Diagnosis{Level: doctor.OK, Check: "source " + s.Name}
	var f *executor.Failure
	switch {
	case errors.As(s.Err, &f):
		d.Level, d.Detail = doctor.Finding, fmt.Sprintf("%s: %s (%s)", s.Traits.Engine, f.Message, f.Code)
		d.Remedy = fmt.Sprintf("Mend the server, or what %s_SQL_SOURCES says of it; jobs that need it wait meanwhile.", config.Prefix)
	case s.Err != nil:
		d.Level, d.Detail = doctor.Finding, fmt.Sprintf("%s: no answer within %s", s.Traits.Engine, sourcesTime)
		d.Remedy = "Look whether address and port lead to this engine, and whether the network lets this host through."
	default:
		d.Detail = fmt.Sprintf("%s, %s. %s", s.Traits.Engine, strings.TrimSpace(s.Server.Product+" "+s.Server.Version), guarantees(s))
	}
	return d
}

// guarantees are what jobs may count on, in sentences.
func guarantees(s runner.SourceStatus) string {
	t := s.Traits
	atomic, counts, takes := "Several statements are one transaction", "changed rows are counted", fmt.Sprintf("arguments are %q", t.Arguments)
	if !t.Atomic {
		atomic = "There are no transactions"
	}
	if !t.Counts {
		counts = "changed rows are not counted"
	}
	if t.Arguments == "" {
		takes = "statements take no arguments"
	}
	return fmt.Sprintf("A job that is cancelled or too late is ended by %s; one whose executor is gone, by %s. %s, %s, %s.",
		t.EndedBy, t.OrphanEndedBy, atomic, counts, takes)
}
