package config

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// load loads a configuration of these variables alone, named without the prefix.
func load(t *testing.T, values map[string]string) (Config, error) {
	t.Helper()
	for _, entry := range os.Environ() {
		if name, value, _ := strings.Cut(entry, "="); strings.HasPrefix(name, Prefix+"_") {
			t.Setenv(name, value) // puts it back
			os.Unsetenv(name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		t.Setenv(Prefix+"_"+name, values[name])
	}
	return Load()
}

func TestWhatAnEnvFileLeavesAroundValuesMeansNothing(t *testing.T) {
	c, err := load(t, map[string]string{
		"WORKERS": " 010\r\n", "POOLS": "default, b\r", "LOG_LEVEL": "info \r", "LEASE": "\t30s", "COMMANDS_DIR": " / \r\n", "HEARTBEAT": " ", "RETENTION": "\r",
		"HTTP_USER": "u\r\n", "HTTP_PASSWORD": " p w \r\n", "DATABASE_URL": "postgres://u@h/d\r\n", "SQL_SOURCES": "a=postgres://u@h/d\r\nb=postgres://u@h/e\r\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Workers != 10 || !slices.Equal(c.Pools, List{"default", "b"}) || c.CommandsDir != "/" || c.Heartbeat.String() != "5s" || c.HTTPUser != "u" || c.HTTPPassword != " p w " || len(c.SQLSources) != 2 {
		t.Errorf("%+v", c)
	}
}

func TestAMisspeltVariableIsNamedWhereOneIsMissing(t *testing.T) {
	if _, err := load(t, map[string]string{"DB_URL": "postgres://h/d"}); err != nil {
		t.Fatal(err)
	}
	t.Setenv("tagexec_database_url", "postgres://h/d")
	_, err := LoadWithDatabase()
	if err == nil || !strings.Contains(err.Error(), "TAGEXEC_DB_URL") || !strings.Contains(err.Error(), "tagexec_database_url") || strings.Contains(err.Error(), "//h") {
		t.Error(err)
	}
}

func TestSecretsAreThePasswordsAndNoNames(t *testing.T) {
	c, err := load(t, map[string]string{
		"DATABASE_URL": "postgres://u:one%2F1@h/d", "SQL_SOURCES": "a=postgres://h/d?user=u&password=two b=postgres://jobs:jobs@h/d c=postgres://u@h/d", "HTTP_USER": "u", "HTTP_PASSWORD": "three", "METRICS_TOKEN": "four-four-four-four",
	})
	if err != nil {
		t.Fatal(err)
	}
	got := slices.DeleteFunc(c.Secrets(), func(s string) bool { return s == "" })
	if slices.Sort(got); !slices.Equal(got, []string{"four-four-four-four", "one/1", "three", "two"}) {
		t.Errorf("%q", got)
	}
}

func TestWrongValuesAreNamed(t *testing.T) {
	for name, c := range map[string]struct{ value, want string }{
		"WORKERS":       {"0x10", `is "0x10": must be a whole number`},
		"POOLS":         {",", `is ",": names nothing`},
		"METRICS_TOKEN": {"0123456789 abcdef", "must have at least 16 characters, all of them letters"},
		"UI_HOSTS":      {"Ops.example", `names "Ops.example": must be names of hosts`},
		"POLL_INTERVAL": {"-1s", `is "-1s": must be a duration such as`},
		"RETENTION":     {"99999999d", `is "99999999d": must be a duration such as`},
	} {
		if _, err := load(t, map[string]string{name: c.value}); err == nil || !strings.Contains(err.Error(), Prefix+"_"+name+" "+c.want) {
			t.Errorf("%s=%s: %v", name, c.value, err)
		}
	}
	if _, err := load(t, map[string]string{"WORKERS": "99999999999999999999"}); err == nil || !strings.Contains(err.Error(), "is too large") {
		t.Error(err)
	}
}

func TestCommandsAreNotGivenOurPasswords(t *testing.T) {
	for _, names := range []string{"TAGEXEC_DATABASE_URL", "PATH, TAGEXEC_SQL_SOURCES", "TAGEXEC_HTTP_PASSWORD", "TAGEXEC_METRICS_TOKEN"} {
		last := names[strings.LastIndexAny(names, " ")+1:]
		if _, err := load(t, map[string]string{"COMMAND_ENV": names}); err == nil || !strings.Contains(err.Error(), "names "+last+", which holds passwords of tagexec") {
			t.Errorf("%s: %v", names, err)
		}
	}
	for _, names := range []string{"PATH;HOME", "'PATH'", "$PATH", "PATH=/bin", "PATH HOME"} {
		if _, err := load(t, map[string]string{"COMMAND_ENV": names}); err == nil || !strings.Contains(err.Error(), "must be names of variables") {
			t.Errorf("%s: %v", names, err)
		}
	}
	if _, err := load(t, map[string]string{"COMMAND_ENV": "PATH, AIRFLOW_HOME, http_proxy, spark.home"}); err != nil {
		t.Error(err)
	}
}
