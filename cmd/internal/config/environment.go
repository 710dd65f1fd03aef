package config

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Given reports whether the user has set a variable, named without the prefix.
func Given(name string) bool { return os.Getenv(Prefix+"_"+name) != "" }

// tidy takes the blanks and line breaks around each variable away, which an env file
// keeps, also those of Windows; of a login only the line break, since the rest may
// belong to it. What is empty then counts as not set, so that a compose file can leave
// a variable out.
func tidy() {
	for _, v := range variables() {
		value, set := os.LookupEnv(v.name)
		tidied := strings.TrimRight(value, "\r\n")
		if !slices.Contains(logins, v.name) {
			tidied = strings.TrimSpace(value)
		}
		switch {
		case set && tidied == "":
			os.Unsetenv(v.name)
		case tidied != value:
			os.Setenv(v.name, tidied)
		}
	}
}

// logins are the variables whose blanks may belong to them.
var logins = []string{Prefix + "_HTTP_USER", Prefix + "_HTTP_PASSWORD", Prefix + "_UI_VIEWER_USER", Prefix + "_UI_VIEWER_PASSWORD"}

// ourSecrets are the variables of tagexec that hold passwords.
var ourSecrets = []string{Prefix + "_DATABASE_URL", Prefix + "_SQL_SOURCES", Prefix + "_HTTP_PASSWORD", Prefix + "_METRICS_TOKEN", Prefix + "_UI_VIEWER_PASSWORD", Prefix + "_UI_DATABASE_URL"}

// minToken is the least length of a token: a shorter one could be guessed.
const minToken = 16

// notInToken reports whether a character may not stand in a bearer token (RFC 6750).
func notInToken(r rune) bool {
	return !strings.ContainsRune("-._~+/=", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}

// isHost reports whether name can be that of a host, or an IPv6 address.
func isHost(name string) bool {
	return name != "" && (net.ParseIP(name) != nil || !strings.ContainsFunc(name, func(r rune) bool {
		return r != '.' && r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z')
	}))
}

// isVariable reports whether name can be that of a variable.
func isVariable(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool {
		return r != '_' && r != '.' && r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}

// AirflowRun is the context of a batch as Airflow tells its tasks: the fields of
// submit_jobs that AIRFLOW_CTX_* give. Outside Airflow it is empty.
func AirflowRun() map[string]any {
	fields := map[string]any{}
	for variable, field := range map[string]string{
		"AIRFLOW_CTX_DAG_ID":         "dag_id",
		"AIRFLOW_CTX_DAG_RUN_ID":     "run_id",
		"AIRFLOW_CTX_TASK_ID":        "task_id",
		"AIRFLOW_CTX_LOGICAL_DATE":   "logical_date", // Airflow 3
		"AIRFLOW_CTX_EXECUTION_DATE": "logical_date", // Airflow 2
	} {
		if value := os.Getenv(variable); value != "" {
			fields[field] = value
		}
	}
	if try, err := strconv.Atoi(os.Getenv("AIRFLOW_CTX_TRY_NUMBER")); err == nil {
		fields["try_number"] = try
	}
	return fields
}

// DataDir is where standalone keeps its data unless told otherwise: below
// /var/lib for root, because Postgres runs as another user then, else in the
// home directory. "" means that none is known: what runs without a login (a
// service, a container) may have no home.
func DataDir() string {
	return dataDir(os.Geteuid() == 0, os.Getenv("XDG_DATA_HOME"), os.Getenv("HOME"))
}

func dataDir(root bool, dataHome, home string) string {
	switch {
	case root:
		return "/var/lib/tagexec"
	case filepath.IsAbs(dataHome):
		return filepath.Join(dataHome, "tagexec")
	case filepath.IsAbs(home):
		return filepath.Join(home, ".local", "share", "tagexec")
	}
	return ""
}
