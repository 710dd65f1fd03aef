//go:build !engines

package trino_test

import (
	"fmt"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	fmt.Println("left out without -tags engines: the cases and the example on a real Trino")
	os.Exit(m.Run())
}
