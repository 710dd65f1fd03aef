package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store/doctor"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestDoctorListsFindingsFirstAndEndsWith1IfThereAreAny(t *testing.T) {
	t.Parallel()
	url := storetest.OwnServer(t, nil).URL("postgres") // that of other tests has no autovacuum, which is a finding
	if _, err := migrations.Up(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	p := clitest.Launch(t, "tagexec", []string{"doctor", "--output", "json"}, "TAGEXEC_DATABASE_URL="+url)
	if code := p.Exit(); code != 0 {
		t.Errorf("nothing is wrong, but exit code %d", code)
	}
	var list []doctor.Diagnosis
	if err := json.Unmarshal([]byte(p.Out.String()), &list); err != nil || len(list) == 0 || list[len(list)-1].Level != doctor.OK {
		t.Errorf("%v\n%s", err, p.Out.String())
	}

	db, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.Background())
	if _, err := db.Exec(t.Context(), `INSERT INTO tagexec.tag_jobs (tag, kind, run_at, created_at) VALUES ('t', 'http', now() - interval '1 hour', now() - interval '1 hour');
	                                   UPDATE tagexec.tag_pools SET paused = true`); err != nil {
		t.Fatal(err)
	}
	p = clitest.Launch(t, "tagexec", []string{"doctor"}, "TAGEXEC_DATABASE_URL="+url)
	if code := p.Exit(); code != cli.ExitFindings {
		t.Errorf("exit code %d", code)
	}
	lines := strings.Split(p.Out.String(), "\n")
	if len(lines) < 5 || !strings.Contains(lines[3], "finding") || !strings.Contains(p.Out.String(), "pool default is paused, and 1 due job waits in it") {
		t.Error(p.Out.String())
	}
}

func TestDoctorOfAServerThatIsNotThereEndsWith3(t *testing.T) {
	t.Parallel()
	p := clitest.Launch(t, "tagexec", []string{"doctor"}, "TAGEXEC_DATABASE_URL=postgres://u:secret@127.0.0.1:1/q")
	if code := p.Exit(); code != cli.ExitUnreachable || !strings.Contains(p.ErrOut.String(), "connect") || strings.Contains(p.ErrOut.String(), "secret") {
		t.Errorf("exit code %d, %s", code, p.ErrOut.String())
	}
}
