//go:build !duckdb

package duckdb

import (
	"fmt"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	fmt.Println("left out without -tags duckdb: the cases and the example on DuckDB")
	os.Exit(m.Run())
}
