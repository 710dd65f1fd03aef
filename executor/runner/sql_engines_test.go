package runner_test

import (
	"strings"
	"testing"

	"github.com/tagexec/tagexec/executor/runner"
)

func TestAURLThatLeadsToNoEngineIsToldWhatIsWrong(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"mysq://u:hush@h/d":          `begins with "mysq://": no engine has this name; known are clickhouse,`,
		"MySQL://u:hush@h/d":         `begins with "MySQL://"`,
		"jdbc:mysql://h/d?user=hush": "is one for Java: leave out jdbc:",
		"mysql+pymysql://u:hush@h/d": `names a driver of another language, "pymysql": begin it with mysql://`,
		"mysql:u:hush@h/d":           "has no :// behind mysql",
		"trino+https//hush@h/d":      "has no :// behind trino+https",
		"u:hush@h/d":                 "is no Postgres URL: must look like postgres://",
		"'mysql://u:hush@h/d'":       "stands in quotation marks",
	} {
		_, err := runner.ParseSource(url)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: got %v, want %s", url, err, want)
		}
	}
}
