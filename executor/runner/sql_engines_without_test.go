//go:build !duckdb

package runner_test

import (
	"strings"
	"testing"

	"github.com/tagexec/tagexec/executor/runner"
)

func TestWithoutDuckDBItIsSaidHowToBuildItIn(t *testing.T) {
	t.Parallel()
	_, err := runner.ParseSource("duckdb:///var/lib/tags.db")
	if err == nil || !strings.Contains(err.Error(), "built without DuckDB") || !strings.Contains(err.Error(), "-tags duckdb") {
		t.Errorf("got %v", err)
	}
}
