//go:build duckdb

package duckdb

import "context"

// access is DuckDB's own switch for whatever is beside the file. It cannot be turned on
// again.
const access = "enable_external_access"

// confined confines the jobs of a file that is open for the first of them.
func (c *connector) confined(ctx context.Context, opened *conn) error {
	if c.confine == "" {
		return nil
	}
	_, open, err := opened.first(ctx, "SELECT current_setting('"+access+"')", nil)
	if err != nil || open == false {
		return err
	}
	_, err = opened.ExecContext(ctx, c.confine, nil)
	return err
}
