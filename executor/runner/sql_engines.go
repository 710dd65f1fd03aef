package runner

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/tagexec/tagexec/executor/runner/sql"
	"github.com/tagexec/tagexec/executor/runner/sql/clickhouse"
	"github.com/tagexec/tagexec/executor/runner/sql/hive"
	"github.com/tagexec/tagexec/executor/runner/sql/mysql"
	"github.com/tagexec/tagexec/executor/runner/sql/postgres"
	"github.com/tagexec/tagexec/executor/runner/sql/trino"
	"github.com/tagexec/tagexec/executor/runner/words"
)

// engines are the engines of this program, by the scheme of their URLs. DuckDB is one of
// them with -tags duckdb.
var engines = map[string]sql.Parse{
	"postgres":   postgres.Parse,
	"postgresql": postgres.Parse,

	"clickhouse":       clickhouse.Parse,
	"clickhouse+https": clickhouse.Parse,

	"trino":        trino.Parse,
	"trino+https":  trino.Parse,
	"presto":       trino.Parse,
	"presto+https": trino.Parse,

	"mysql":     mysql.Parse,
	"mariadb":   mysql.Parse,
	"tidb":      mysql.Parse,
	"starrocks": mysql.Parse,
	"doris":     mysql.Parse,

	"hive":  hive.Parse,
	"spark": hive.Parse,
}

// ParseSource reads the URL of a source, by the engine that its scheme names. It does
// not connect. Its error quotes nothing of the URL but the scheme and names of
// parameters and files.
func ParseSource(url string) (sql.Source, error) { return parseSource(url, nil) }

// schemeName is what a URL may begin with (RFC 3986, section 3.1).
var schemeName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*$`)

var firstWord = regexp.MustCompile(`^[a-z+]+`)

// parseSource is ParseSource with further engines.
func parseSource(url string, more map[string]sql.Parse) (sql.Source, error) {
	known := strings.Join(append(sortedKeys(engines), sortedKeys(more)...), ", ")
	if strings.HasPrefix(strings.TrimSpace(url), "jdbc:") {
		return nil, fmt.Errorf("the URL is one for Java: leave out jdbc: and begin it with the name of an engine; known are %s", known)
	}
	scheme, _, ok := strings.Cut(strings.TrimSpace(url), "://")
	if word := firstWord.FindString(strings.TrimSpace(url)); !ok && engines[word] != nil {
		return nil, fmt.Errorf("the URL has no :// behind %s", word)
	}
	if !ok || !schemeName.MatchString(scheme) {
		return postgres.Parse(url) // who says in detail what a URL looks like
	}
	if parse, ok := more[scheme]; ok {
		return parse(url)
	}
	if parse, ok := engines[scheme]; ok {
		return parse(url)
	}
	if scheme == "duckdb" {
		return nil, errors.New("the URL begins with duckdb://, and this program was built without DuckDB: " +
			"build it by CGO_ENABLED=1 go build -tags duckdb ./cmd/tagexec, or take the image of the Dockerfile's target duckdb")
	}
	if engine, driver, ok := strings.Cut(scheme, "+"); ok && engines[engine] != nil {
		return nil, fmt.Errorf("the URL names a driver of another language, %s: begin it with %s://", words.Quote(driver), engine)
	}
	return nil, fmt.Errorf("the URL begins with %s: no engine has this name; known are %s", words.Quote(scheme+"://"), known)
}
