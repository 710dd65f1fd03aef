package main

import (
	"os/exec"
	"strings"
	"testing"
)

// What measures and breaks the queue stays out of what runs in production.
func TestProductLeavesBenchOut(t *testing.T) {
	t.Parallel()
	deps, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.FieldsSeq(string(deps)) {
		for _, unwanted := range []string{"/cmd/tagexec-bench/", "/cmd/internal/faultproxy", "/cmd/internal/clitest", "/store/storetest"} {
			if strings.Contains(name, unwanted) {
				t.Errorf("tagexec is built with %s", name)
			}
		}
	}
}
