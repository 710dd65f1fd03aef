//go:build !engines

package hive

import (
	"fmt"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	fmt.Println("left out without -tags engines: the cases and the example on a real Spark Thrift Server")
	os.Exit(m.Run())
}
