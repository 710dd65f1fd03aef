package doctor_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/store/doctor"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestDiagnoseGivesUpOnASilentServer(t *testing.T) {
	t.Parallel()
	silent := storetest.NewSilent(t, storetest.Empty(t).URL, storetest.Everybody)
	_, err := doctor.Diagnose(t.Context(), silent.URL+"&connect_timeout=1", time.Minute)
	if err == nil || !strings.Contains(err.Error(), "postgres@127.0.0.1:") {
		t.Errorf("got %v", err)
	}
}
