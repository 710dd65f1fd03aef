package postgres_test

import (
	"testing"

	"github.com/tagexec/tagexec/executor/runner/sql/enginetest"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestMain(m *testing.M) {
	if enginetest.Mortal() {
		return
	}
	storetest.Main(m)
}
