package postgres_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/store/postgres"
)

// Each URL holds secret, which nobody may see, or a piece of it.
const secret = "S3cretPw"

func TestURLErrorsSayWhatIsWrongWithoutTheURL(t *testing.T) {
	for name, c := range map[string]struct{ url, says string }{
		"nothing":                        {"", "empty"},
		"a blank":                        {" ", "empty"},
		"no URL":                         {secret, "is no Postgres URL"},
		"key words":                      {"host=h user=u password=" + secret + " dbname=d", "instead of host=…"},
		"SQLAlchemy's scheme":            {"postgresql+psycopg2://u:" + secret + "@h:5432/d?sslmode=disable", "SQLAlchemy"},
		"another driver's":               {"postgresql+asyncpg://u:" + secret + "@h/d", "SQLAlchemy"},
		"JDBC":                           {"jdbc:postgresql://h/d?user=u&password=" + secret, "does not begin with postgres://"},
		"another scheme":                 {"mysql://u:" + secret + "@h/d", "does not begin with postgres://"},
		"capitals":                       {"POSTGRES://u:" + secret + "@h/d", "does not begin with postgres://"},
		"a name before it":               {"DATABASE_URL=postgres://u:" + secret + "@h/d", "does not begin with postgres://"},
		"one slash":                      {"postgres:/u:" + secret + "@h/d", "is no Postgres URL"},
		"three slashes":                  {"postgres:///u:" + secret + "@h:5432/d", "an @ too many"},
		"double quotes":                  {`"postgres://u:` + secret + `@h/d"`, "quotation marks"},
		"single quotes":                  {`'postgres://u:` + secret + `@h/d'`, "quotation marks"},
		"one quote":                      {`postgres://u:` + secret + `@h/d'`, "quotation marks"},
		"typographic quotes":             {"“postgres://u:" + secret + "@h/d”", "quotation marks"},
		"angle brackets":                 {"<postgres://u:" + secret + "@h/d>", "quotation marks"},
		"a byte order mark":              {"\ufeffpostgres://u:" + secret + "@h/d", "byte order mark"},
		"a mark of direction":            {"postgres://u:" + secret + "\u202e@h/d", "nobody sees"},
		"an IPv6 address":                {"postgres://u:" + secret + "@::1/d", "write [::1]"},
		"an IPv6 address and a port":     {"postgres://u:" + secret + "@fe80::1:5432,h/d", "write [::1]"},
		"a number that is none":          {"postgres://u@h/d?connect_timeout=" + secret, "invalid connect_timeout"},
		"a blank within":                 {"postgres://u:" + secret + " x@h/d", "holds a blank"},
		"a line break within":            {"postgres://u:" + secret + "\n@h/d", "line break"},
		"a % in a password":              {"postgres://u:" + secret + "%zz@h/d", "% as %25"},
		"a % at the end":                 {"postgres://u@h/d?password=" + secret + "%", "% as %25"},
		"a NUL":                          {"postgres://u:" + secret + "%00@h/d", "%"},
		"an @ in a password":             {"postgres://u:" + secret + "@" + secret + "@h/d", "@ as %40"},
		"a / in a password":              {"postgres://u:" + secret + "/x@h/d", "/ as %2F"},
		"a number and a / in a password": {"postgres://u:12/" + secret + "@h/d", "/ as %2F"},
		"a ? in a password":              {"postgres://u:" + secret + "?x@h/d", "? as %3F"},
		"an @ in a password after the ?": {"postgres://127.0.0.1:1?user=u&password=S3@cretPw", "@ as %40"},
		"an & in a password":             {"postgres://h/d?user=u&password=x&" + secret, "& as %26"},
		"an & and a = in a password":     {"postgres://h/d?user=u&password=x&" + strings.ToLower(secret) + "=y", "& as %26"},
		"a = in a password":              {"postgres://h/d?user=u&password=" + secret + "==", "= as %3D"},
		"no ? before the parameters":     {"postgres://h/d&user=u&password=" + secret, "no ? comes before"},
		"a ; before them":                {"postgres://u@h/d;password=" + secret + "?sslmode=disable", "no ? comes before"},
		"parameters behind the host":     {"postgres://h;password=" + secret + "/d", "no ? comes before"},
		"parameters as the user":         {"postgres://user=u&password=" + secret + "@h/d", "no ? comes before"},
		"parameters behind the port":     {"postgres://u@h:5432&password=" + secret, "no ? comes before"},
		"a port that is none":            {"postgres://u:x@h:" + secret + "/d", "port"},
		"a login that was encoded":       {"postgres://u%3A" + secret + "@h/d", "colon"},
		"a login as the host":            {"postgres:///d?host=u:" + secret + "@h", "host that is none"},
		"a URL as the database":          {"postgres://h/?dbname=postgres://u:" + secret + "@h/d", "another URL"},
		"a mode that is none":            {"postgres://u:" + secret + "@h/d?sslmode=verify_full", "verify-full"},
		"a mode in capitals":             {"postgres://u:" + secret + "@h/d?SSLMODE=require", "write sslmode"},
		"ssl":                            {"postgres://u:" + secret + "@h/d?ssl=on", "write sslmode"},
		"a missing file":                 {"postgres://u:" + secret + "@h/d?sslmode=verify-full&sslrootcert=/nope.pem", "/nope.pem: no such file"},
		"a time that is none":            {"postgres://u:" + secret + "@h/d?connect_timeout=soon", "connect_timeout"},
		"hosts and ports":                {"postgres://u:" + secret + "@h1:1,h2:2/d?port=1,2,3", "port numbers"},
		"a service that is none":         {"postgres://u:" + secret + "@h/d?service=none&servicefile=/nope.conf", "service"},
	} {
		t.Run(name, func(t *testing.T) {
			for kind, read := range map[string]func(string) (*postgres.Database, error){"queue": postgres.Queue, "source": postgres.Source} {
				_, err := read(c.url)
				var wrong *postgres.URLError
				if !errors.As(err, &wrong) || !strings.Contains(err.Error(), c.says) {
					t.Errorf("%s: %v\nwant something with %q", kind, err, c.says)
				}
				for _, piece := range []string{secret, strings.ToLower(secret), "S3", "cretPw"} {
					if err != nil && strings.Contains(err.Error(), piece) {
						t.Errorf("%s: the error holds %s: %v", kind, piece, err)
					}
				}
			}
		})
	}
}

func TestWhatTheEnvironmentAddsIsNamed(t *testing.T) {
	t.Setenv("PGSERVICE", "nowhere")
	t.Setenv("PGSERVICEFILE", "/nope.conf")
	t.Setenv("PGPASSWORD", secret)
	_, err := postgres.Queue("postgres://u@h/d")
	if err == nil || !strings.Contains(err.Error(), "the environment adds PGPASSWORD, PGSERVICE, PGSERVICEFILE") || strings.Contains(err.Error(), secret) {
		t.Errorf("got %v", err)
	}
	t.Setenv("PGSERVICE", "")
	t.Setenv("PGSSLMODE", "verify_full")
	if _, err := postgres.Source("postgres://u@h/d"); err == nil || !strings.Contains(err.Error(), "PGSSLMODE") || !strings.Contains(err.Error(), "sslmode is invalid") {
		t.Errorf("got %v", err)
	}
}

func TestParametersThatTagexecDecidesAreRefusedByName(t *testing.T) {
	t.Parallel()
	const base = "postgres://u:" + secret + "@h/d?sslmode=disable&"
	both := []string{
		"default_query_exec_mode=exec", "default_query_exec_mode=nonsense", "statement_cache_capacity=0", "description_cache_capacity=0",
		"pool_min_conns=1", "pool_health_check_period=0", "pool_ping_timeout=1s", "gssencmode=disable", "keepalives=1", "sslcrl=/x", "HostAddr=127.0.0.1", "client_encoding=LATIN1", "Client_Encoding=latin1", "replication=database",
	}
	queue := []string{
		"pool_max_conns=1", "options=-c%20jit%3Don", "search_path=x", "client_encoding=UTF8", "statement_timeout=1", "default_transaction_isolation=serializable",
		"default_transaction_read_only=on", "standard_conforming_strings=off", "DateStyle=SQL", "TimeZone=Asia/Shanghai", "synchronous_commit=off", "nonsense=1",
	}
	refused := func(read func(string) (*postgres.Database, error), parameter string) {
		t.Helper()
		name, _, _ := strings.Cut(strings.ToLower(parameter), "=")
		if _, err := read(base + parameter); err == nil || !strings.Contains(err.Error(), "sets "+name+":") {
			t.Errorf("%s: %v", parameter, err)
		}
	}
	for _, parameter := range both {
		refused(postgres.Queue, parameter)
		refused(postgres.Source, parameter)
	}
	for _, parameter := range queue {
		refused(postgres.Queue, parameter)
	}
	for _, parameter := range []string{
		"application_name=etl", "role=owner", "connect_timeout=3", "target_session_attrs=read-write", "channel_binding=disable", "sslmode=prefer", "",
	} {
		if _, err := postgres.Queue(base + parameter); err != nil {
			t.Errorf("%s: %v", parameter, err)
		}
	}
	for _, parameter := range []string{
		"search_path=x", "statement_timeout=1000", "options=-c%20jit%3Don", "client_encoding=utf8", "pool_max_conns=3", "pool_max_conn_lifetime=5m", "DateStyle=SQL", "myapp.tenant=7",
	} {
		if _, err := postgres.Source(base + parameter); err != nil {
			t.Errorf("%s: %v", parameter, err)
		}
	}
}

func TestAServiceSetsNoMoreThanAURL(t *testing.T) {
	file := filepath.Join(t.TempDir(), "services")
	if err := os.WriteFile(file, []byte("[good]\nhost=h\ndbname=d\n[bad]\nhost=h\nsearch_path=x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PGSERVICEFILE", file)
	t.Setenv("PGSERVICE", "good")
	if d, err := postgres.Queue("postgres://u@/"); err != nil || d.Address() != "u@h:5432/d" {
		t.Errorf("got %v, %v", d, err)
	}
	t.Setenv("PGSERVICE", "bad")
	if _, err := postgres.Queue("postgres://u@/"); err == nil || !strings.Contains(err.Error(), "sets search_path") {
		t.Errorf("got %v", err)
	}
}

func TestAddressHoldsNoPassword(t *testing.T) {
	t.Setenv("PGPASSWORD", secret)
	for url, want := range map[string]string{
		"postgres://u:" + secret + "@h/d":                                      "u@h:5432/d",
		"postgres://u:" + secret + "@h1:1,h2:2/d?sslmode=prefer":               "u@h1:1,h2:2/d",
		"postgres://127.0.0.1:1/d?user=u&password=" + secret:                   "u@127.0.0.1:1/d",
		"postgres://u@[::1]/d?pass%77ord=" + secret + "&sslpassword=" + secret: "u@[::1]:5432/d",
		"postgresql://u:" + secret + "@/d?host=/run/x":                         "u@/run/x:5432/d",
		"postgres://u%3D1:a=b&c;" + secret + "@h/d%3B%261":                     "u=1@h:5432/d;&1",
		"\n postgres://u%40realm:" + secret + "@h/d%1b \n":                     "u@realm@h:5432/d?",
	} {
		d, err := postgres.Queue(url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
		} else if got := d.Address(); got != want {
			t.Errorf("%s is shown as %s, want %s", url, got, want)
		}
	}
}
