package migrations_test

import (
	"testing"

	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store/storetest"
)

// A server that lets us in and then says nothing more holds no migration for ever.
func TestMigrationsGiveUpOnASilentServer(t *testing.T) {
	t.Parallel()
	url := storetest.NewSilent(t, storetest.Empty(t).URL, storetest.Everybody).URL + "&connect_timeout=1"
	ends := map[string]func() error{
		"up":   func() error { _, err := migrations.Up(t.Context(), url); return err },
		"down": func() error { _, err := migrations.Down(t.Context(), url, false); return err },
		"list": func() error { _, err := migrations.List(t.Context(), url); return err },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if end() == nil {
				t.Error("no error")
			}
		})
	}
}
