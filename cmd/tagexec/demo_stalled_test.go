package main

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/config"
	"github.com/tagexec/tagexec/cmd/tagexec/internal/demo"
	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// On a full disk rows can be read and none can be written: an executor waits,
// the demo ends and says why.
func TestDemoEndsWhereNothingCanBeWritten(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec(`CREATE FUNCTION public.full() RETURNS trigger LANGUAGE plpgsql AS
	         $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$`)
	db.Exec("CREATE TRIGGER disk_is_full BEFORE UPDATE ON tagexec.tag_jobs FOR EACH ROW EXECUTE FUNCTION public.full()")
	d := &demonstration{
		std: cli.Streams{Out: io.Discard, Err: io.Discard}, patience: time.Second,
		config: config.Config{
			DatabaseURL: db.URL, SQLSources: config.Sources{"db": db.URL}, Workers: 1, LogLevel: "error",
			Lease: cli.Duration(30 * time.Second), Heartbeat: cli.Duration(5 * time.Second),
		},
		batches: []demo.Batch{{Key: "demo:1", Jobs: storetest.JSON([]map[string]any{{"tag": "a"}}), Count: 1}},
	}
	err := d.run(t.Context(), func(*store.Store, string) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "no job has moved for 1s") || cli.ExitCode(err) != cli.ExitUsage {
		t.Error(err)
	}
}
