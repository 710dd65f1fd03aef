// Package clickhouseserver starts a ClickHouse for tests.
package clickhouseserver

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor/runner/sql/enginetest"
)

// Variable names the server's program; without it one is looked for where the package of
// Debian has it.
const Variable = "TAGEXEC_TEST_CLICKHOUSE"

const (
	user, password = "etl_login", "w0nderland-9"
	admin          = "default"
	startTime      = 30 * time.Second
)

// Server is a ClickHouse with a data directory of its own. It ends with the test.
type Server struct {
	enginetest.Server
	address string
}

// Start starts a server.
func Start(t testing.TB) *Server {
	t.Helper()
	path := program(t)
	s := &Server{address: enginetest.FreeAddress(t)}
	s.Server = enginetest.Server{
		Dir: t.TempDir(), Within: startTime,
		Command: func() *exec.Cmd { return exec.Command(path, "--config-file=config.xml") },
		Ready: func() error {
			_, err := s.query("SELECT 1")
			return err
		},
	}
	for name, text := range map[string]string{"config.xml": s.config(t), "users.xml": users} {
		if err := os.WriteFile(filepath.Join(s.Dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.Start(t)
	return s
}

// URL is that of a source: a login that may do everything, with a password that stands
// nowhere else.
func (s *Server) URL() string {
	return fmt.Sprintf("clickhouse://%s:%s@%s/default", user, password, s.address)
}

// Query runs a statement as an administrator, and returns its rows, values between tabs.
func (s *Server) Query(t testing.TB, statement string) []string {
	t.Helper()
	rows, err := s.query(statement)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return rows
}

func (s *Server) query(statement string) ([]string, error) {
	answer, err := enginetest.Client.Post("http://"+s.address+"/?user="+url.QueryEscape(admin)+"&wait_end_of_query=1", "text/plain", strings.NewReader(statement))
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s", body)
	}
	text := strings.TrimSuffix(string(body), "\n")
	if err != nil || text == "" {
		return nil, err
	}
	return strings.Split(text, "\n"), nil
}

func program(t testing.TB) string {
	t.Helper()
	if path := os.Getenv(Variable); path != "" {
		return path
	}
	path, err := exec.LookPath("/usr/sbin/clickhouse-server")
	if err != nil {
		t.Fatalf("there is no ClickHouse: set %s to the program clickhouse-server, as .ci/engines does", Variable)
	}
	return path
}

// config is the least that the server needs.
func (s *Server) config(t testing.TB) string {
	t.Helper()
	_, port, _ := net.SplitHostPort(s.address)
	_, native, _ := net.SplitHostPort(enginetest.FreeAddress(t))
	return `<yandex>
	<logger><level>warning</level><console>1</console></logger>
	<listen_host>127.0.0.1</listen_host><http_port>` + port + `</http_port><tcp_port>` + native + `</tcp_port>
	<path>./data/</path><tmp_path>./tmp/</tmp_path><users_config>users.xml</users_config>
	<default_profile>default</default_profile><default_database>default</default_database>
	<mark_cache_size>67108864</mark_cache_size><timezone>UTC</timezone>
</yandex>`
}

// users are the administrator and the login of the source, which may see only one database.
const users = `<yandex>
	<profiles><default><max_memory_usage>2000000000</max_memory_usage></default></profiles>
	<quotas><default/></quotas>
	<users>
		<` + admin + `><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></` + admin + `>
		<` + user + `><password>` + password + `</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>
			<allow_databases><database>default</database><database>system</database></allow_databases></` + user + `>
	</users>
</yandex>`
