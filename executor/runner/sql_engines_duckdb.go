//go:build duckdb

package runner

import "github.com/tagexec/tagexec/executor/runner/sql/duckdb"

func init() { engines["duckdb"] = duckdb.Parse }
