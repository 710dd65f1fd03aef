//go:build duckdb

package duckdb

import (
	"github.com/tagexec/tagexec/executor/runner/sql"
	"github.com/tagexec/tagexec/executor/runner/sql/standard"
)

var engine = standard.Engine{
	Connector: newConnector, Parameters: []string{directories},
	Traits: sql.Traits{
		Engine: "duckdb", Atomic: true, Arguments: sql.Listed, Counts: true,
		EndedBy: "an interrupt", OrphanEndedBy: "the end of its process, in which the engine runs",
	},
	Look: look, JSON: forJSON, Classify: classify, Reason: reason,
	Product: "DuckDB", Version: "SELECT version()",
}

// Parse reads the URL of a source, as sql.Parse says.
func Parse(text string) (sql.Source, error) { return engine.Parse(text) }
