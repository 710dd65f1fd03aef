package store_test

import (
	"testing"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// Kinds that every database knows.
var kinds = []string{"sql", "command", "http"}

// ids are the ids of jobs in their order.
func ids(jobs []store.Job) []int64 {
	list := make([]int64, len(jobs))
	for i, j := range jobs {
		list[i] = j.ID
	}
	return list
}
