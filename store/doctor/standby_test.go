package doctor_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store/devpg"
	"github.com/tagexec/tagexec/store/doctor"
)

// On a standby doctor says so, and status and an up with nothing to do read.
func TestDiagnoseOnAStandby(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "tagexec-standby-") // not t.TempDir: the server's user cannot enter that
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	start := func() *devpg.Server {
		t.Helper()
		pg, err := devpg.Start(t.Context(), devpg.Options{DataDir: data, Fast: true})
		if err != nil {
			t.Fatal(err)
		}
		return pg
	}
	pg := start()
	if _, err := migrations.Up(t.Context(), pg.URL("postgres")); err != nil {
		t.Fatal(err)
	}
	if err := pg.Stop(); err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(data, "*", "PG_VERSION"))
	if more, _ := filepath.Glob(filepath.Join(data, "PG_VERSION")); err != nil || len(found)+len(more) != 1 {
		t.Fatalf("the cluster is in %q %q, %v", found, more, err)
	} else {
		found = append(found, more...)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(found[0]), "standby.signal"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	pg = start()
	defer func() {
		if err := pg.Stop(); err != nil {
			t.Error(err)
		}
	}()
	url := pg.URL("postgres")
	list, err := doctor.Diagnose(t.Context(), url, time.Minute)
	if err != nil || len(list) == 0 || !strings.Contains(list[0].Detail, "standby") {
		t.Errorf("got %+v, %v", list, err)
	}
	if applied, err := migrations.Up(t.Context(), url); err != nil || len(applied) > 0 {
		t.Errorf("applied %q, %v", applied, err)
	}
	if all, err := migrations.List(t.Context(), url); err != nil || all[0].AppliedAt.IsZero() {
		t.Errorf("got %v, %v", all, err)
	}
	if _, err := migrations.FindLoss(t.Context(), url); err == nil || !strings.Contains(err.Error(), "is a standby") {
		t.Errorf("before a down it was told %v", err)
	}
}
