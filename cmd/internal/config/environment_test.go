package config

import "testing"

func TestDataDirIsNeverBelowTheWorkingDirectory(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		root           bool
		dataHome, home string
		want           string
	}{
		{true, "", "", "/var/lib/tagexec"},
		{false, "/data", "/home/me", "/data/tagexec"},
		{false, "", "/home/me", "/home/me/.local/share/tagexec"},
		{false, "data", "/home/me", "/home/me/.local/share/tagexec"},
		{false, "", "", ""},
		{false, "data", ".", ""},
	} {
		if got := dataDir(c.root, c.dataHome, c.home); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
