package doctor_test

import (
	"testing"
	"time"

	"github.com/tagexec/tagexec/store/doctor"
	"github.com/tagexec/tagexec/store/storetest"
)

// What a login or a database sets changes nothing that doctor relies on.
func TestDiagnoseWhateverTheLoginSets(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	role, login := db.Login("")
	for _, setting := range []string{
		"datestyle = 'SQL, DMY'", "search_path = nowhere", "statement_timeout = '1ms'", "idle_in_transaction_session_timeout = '1ms'", "idle_session_timeout = '0'",
		"client_encoding = 'LATIN1'", "standard_conforming_strings = off", "default_transaction_isolation = 'serializable'",
	} {
		db.Exec("ALTER ROLE " + role + " SET " + setting)
	}
	list, err := doctor.Diagnose(t.Context(), login, time.Hour)
	if err != nil || len(list) < 10 {
		t.Errorf("%v, %v", list, err)
	}
}
