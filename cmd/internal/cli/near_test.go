package cli

import (
	"slices"
	"testing"
)

func TestNearNames(t *testing.T) {
	t.Parallel()
	names := []string{"jobs", "batch", "tags", "top", "status", "state", "late", "list", "failures", "churn_risk", "Übung"}
	for typed, want := range map[string][]string{
		"job": {"jobs"}, "tag": {"tags"}, "batches": {"batch"}, "stauts": {"status"}, "lat": {"late"}, "stat": {"state"},
		"statu": {"status", "state"}, "fail": {"failures"}, "churnrisk": {"churn_risk"}, "JOBS": {"jobs"}, "übnug": {"Übung"},
		"lst": {"list"}, "": nil, "j": nil, "month": nil, "st": {"status", "state"}, "nonsense": nil, "jobs": {"jobs"},
	} {
		if got := Near(typed, names); !slices.Equal(got, want) {
			t.Errorf("near %q are %q, want %q", typed, got, want)
		}
	}
}
