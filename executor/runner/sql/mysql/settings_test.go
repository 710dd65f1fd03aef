//go:build engines

package mysql_test

import "testing"

func TestSettingsOfTheURLHoldInEverySession(t *testing.T) {
	t.Parallel()
	url, _ := database(t)
	s := newSQL(t, url+"?set.sql_mode=ANSI_QUOTES&set.group_concat_max_len=77")
	report, err := s.Run(t.Context(), job(statement(`SELECT @@sql_mode AS "mode", @@group_concat_max_len AS "length"`)))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(report.Value), `{"length":77,"mode":"ANSI_QUOTES"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	_, err = newSQL(t, url+"?set.no_such_setting=1").Run(t.Context(), job(statement("SELECT 1")))
	wantFailure(t, err, "1193", false)
}
