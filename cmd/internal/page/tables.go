package page

import "github.com/tagexec/tagexec/store/report"

// batchTable is a table of batches.
type batchTable struct {
	Frame *frame
	Rows  []batchRow
}

// batchRow is one of its rows.
type batchRow struct {
	Batch    report.Batch
	Done     int
	Late     bool
	Progress []progressPart
}

// Batches prepares a table of batches.
func (f *frame) Batches(list []report.Batch) batchTable {
	t := batchTable{Frame: f}
	for _, b := range list {
		t.Rows = append(t.Rows, batchRow{
			Batch: b, Done: b.Succeeded + b.Failed + b.Cancelled, Progress: progress(b.Counts),
			Late: !b.Settled() && b.DueAt != nil && b.DueAt.Before(f.now),
		})
	}
	return t
}
