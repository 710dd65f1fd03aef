package runner

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/strictjson"
	"github.com/tagexec/tagexec/executor/runner/words"
	"github.com/tagexec/tagexec/store"
)

// jobValue is the member of an argument that stands for a value of the job itself:
// {"$job": "id"}. With further members an object is JSON like any other.
const jobValue = "$job"

// fillIn puts the values of the job in the places of the arguments that name one.
func (p sqlPayload) fillIn(job *store.Job) error {
	for i := range p.statements {
		st, path := &p.statements[i], "payload"
		if len(p.statements) > 1 {
			path = fmt.Sprintf("payload: statements[%d]", i)
		}
		for n, arg := range st.Args {
			value, err := valueOf(job, arg)
			if err != nil {
				return executor.Refusef(badPayload, "%s: args[%d]: %v", path, n, err)
			}
			st.Args[n] = value
		}
		for _, name := range sortedKeys(st.Params) {
			value, err := valueOf(job, st.Params[name])
			if err != nil {
				return executor.Refusef(badPayload, "%s: params: %s: %v", path, words.Quote(name), err)
			}
			st.Params[name] = value
		}
	}
	return nil
}

// valueOf returns the value of the job that an argument names, or the argument.
func valueOf(job *store.Job, arg json.RawMessage) (json.RawMessage, error) {
	if strictjson.Kind(arg) != "an object" {
		return arg, nil
	}
	members := strictjson.Members(arg)
	name, ok := members[jobValue]
	if !ok || len(members) > 1 {
		return arg, nil
	}
	values := map[string]any{"id": job.ID, "attempt": job.Attempt, "tag": job.Tag, "biz_date": nil}
	if job.BizDate != nil {
		values["biz_date"] = job.BizDate.Format(time.DateOnly)
	}
	value, ok := values[strictjson.Text(name)]
	if !ok {
		return nil, fmt.Errorf("%s names no value of a job; these are: %s", words.Clip(strings.TrimSpace(string(name)), 80), strings.Join(sortedKeys(values), ", "))
	}
	text, _ := json.Marshal(value) // a number, a text or null: cannot fail
	return text, nil
}
