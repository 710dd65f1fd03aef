package devpg_test

import (
	"strings"
	"testing"

	"github.com/tagexec/tagexec/store/devpg"
)

// The tests of this file set the environment and are not parallel.

func TestTheVariableChoosesTheVersionOfNewData(t *testing.T) {
	for _, major := range []string{"15", "18"} {
		t.Setenv(devpg.VersionVariable, major)
		server := start(t, devpg.Options{Fast: true})
		if got := query(t, server.URL("postgres"), "SHOW server_version"); !strings.HasPrefix(got, major+".") {
			t.Errorf("%s=%s starts PostgreSQL %s", devpg.VersionVariable, major, got)
		}
		stop(t, server)
	}
}

func TestDataOfAnotherVersionThanTheChosenOneIsRefused(t *testing.T) {
	t.Setenv(devpg.VersionVariable, "18")
	options := devpg.Options{DataDir: newDir(t), Fast: true}
	stop(t, start(t, options))
	t.Setenv(devpg.VersionVariable, "17")
	_, err := devpg.Start(t.Context(), options)
	wantError(t, err, "the data is of PostgreSQL 18, but TAGEXEC_POSTGRES_VERSION is 17")
	t.Setenv(devpg.VersionVariable, "")
	stop(t, start(t, options))
}

func TestAWrongVersionIsRefusedWithTheAllowedOnes(t *testing.T) {
	for _, wrong := range []string{"13", "19", "18.6", " 18", "newest", "0"} {
		t.Setenv(devpg.VersionVariable, wrong)
		_, err := devpg.Start(t.Context(), devpg.Options{Fast: true})
		wantError(t, err, `TAGEXEC_POSTGRES_VERSION is "`+wrong+`": must be one of 14, 15, 16, 17, 18`)
	}
}
