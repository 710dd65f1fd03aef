//go:build !engines

package clickhouse_test

import (
	"fmt"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	fmt.Println("left out without -tags engines: the cases and the example on a real ClickHouse")
	os.Exit(m.Run())
}
