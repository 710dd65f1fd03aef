package report

import (
	"fmt"
	"strings"
	"time"
)

// SQLOfJobs is a filter as a statement that somebody may send by hand.
func SQLOfJobs(f JobFilter) string {
	literal := func(text string) string {
		quoted := "'" + strings.ReplaceAll(text, "'", "''") + "'"
		if strings.Contains(text, `\`) {
			return " E" + strings.ReplaceAll(quoted, `\`, `\\`)
		}
		return quoted
	}
	var where []string
	add := func(format, value string) {
		if value != "" {
			where = append(where, fmt.Sprintf(format, literal(value)))
		}
	}
	if len(f.States) > 0 {
		var list []string
		for _, s := range f.States {
			list = append(list, literal(s))
		}
		where = append(where, "j.state IN ("+strings.Join(list, ", ")+")")
	}
	add("j.tag = %s", f.Tag)
	add("j.batch = %s", f.Batch)
	add("j.pool = %s", f.Pool)
	add("j.kind = %s", f.Kind)
	add("j.biz_date = %s", f.BizDate)
	add("j.executor_id = %s", f.Executor)
	const ended = "coalesce(j.finished_at, j.started_at, j.created_at)"
	for _, t := range []struct {
		format string
		at     time.Time
	}{{ended + " >= %s", f.Since}, {ended + " < %s", f.Until}, {"j.created_at >= %s", f.CreatedSince}, {"j.created_at <= %s", f.CreatedUntil}} {
		if !t.at.IsZero() {
			add(t.format, t.at.Format(time.RFC3339Nano))
		}
	}
	if f.Error != "" {
		where = append(where, fmt.Sprintf("(lower(j.error_code) = lower(%s) OR strpos(lower(j.error), lower(%[1]s)) > 0)", literal(f.Error)))
	}
	from := "tagreport.jobs j"
	if f.Payload != nil {
		from += "\n  JOIN tagexec.tag_jobs p ON p.id = j.id"
		path := make([]string, len(f.Payload.Path))
		for i, name := range f.Payload.Path {
			path[i] = literal(name)
		}
		where = append(where, fmt.Sprintf("p.payload #>> ARRAY[%s] = %s", strings.Join(path, ", "), literal(f.Payload.Value)))
	}
	sql := "SELECT j.*\n  FROM " + from
	if len(where) > 0 {
		sql += "\n WHERE " + strings.Join(where, "\n   AND ")
	}
	order := "j.id DESC"
	switch {
	case f.Batch != "":
	case f.only("running"):
		order = "j.started_at, j.id"
	case f.only("pending"):
		order = "j.priority DESC, j.run_at, j.id"
	case f.only("failed"), f.Tag != "" && f.only("succeeded", "failed", "cancelled"):
		order = "j.finished_at DESC, j.id DESC"
	}
	return sql + "\n ORDER BY " + order + "\n LIMIT 50"
}
