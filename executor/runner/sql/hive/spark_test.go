//go:build engines

package hive_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/executor/runner/sql/enginetest"
	"github.com/tagexec/tagexec/store"
)

// sparkHome names the directory of an installed pyspark, which holds the Thrift Server.
const sparkHome = "TAGEXEC_TEST_SPARK"

// spark is a Thrift Server of the test's own.
type spark struct {
	enginetest.Server
	host string // host:port
	ui   string // of Spark's page
}

// opened are the parts of Java that Spark needs to look into, as its own scripts list them.
var opened = []string{
	"java.base/java.lang", "java.base/java.lang.invoke", "java.base/java.lang.reflect", "java.base/java.net", "java.base/java.nio",
	"java.base/java.util", "java.base/java.util.concurrent", "java.base/sun.nio.ch", "java.base/sun.security.action",
}

// startSpark starts a server and waits until it answers.
func startSpark(t *testing.T) *spark {
	t.Helper()
	if os.Getenv(sparkHome) == "" {
		t.Fatalf("%s is not set: .ci/engines installs pyspark and says where", sparkHome)
	}
	s := &spark{host: enginetest.FreeAddress(t), ui: enginetest.FreeAddress(t)}
	s.Server = enginetest.Server{Dir: t.TempDir(), Within: 3 * time.Minute, Command: s.command, Ready: func() error {
		conn, err := net.Dial("tcp", s.host)
		if err == nil {
			_ = conn.Close()
		}
		return err
	}}
	s.Start(t)
	return s
}

func (s *spark) command() *exec.Cmd {
	_, port, _ := net.SplitHostPort(s.host)
	_, uiPort, _ := net.SplitHostPort(s.ui)
	args := []string{"-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", filepath.Join(os.Getenv(sparkHome), "jars", "*")}
	for _, module := range opened {
		args = append(args, "--add-opens="+module+"=ALL-UNNAMED")
	}
	args = append(args, "org.apache.spark.deploy.SparkSubmit", "--master", "local[2]",
		"--conf", "spark.ui.port="+uiPort, "--conf", "spark.driver.bindAddress=127.0.0.1", "--conf", "spark.driver.host=127.0.0.1",
		"--conf", "spark.sql.warehouse.dir="+filepath.Join(s.Dir, "warehouse"),
		"--class", "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2", "spark-internal",
		"--hiveconf", "hive.server2.thrift.bind.host=127.0.0.1", "--hiveconf", "hive.server2.thrift.port="+port)
	cmd := exec.Command("java", args...)
	cmd.Env = append(os.Environ(), "SPARK_HOME="+os.Getenv(sparkHome), "SPARK_LOCAL_IP=127.0.0.1")
	return cmd
}

// url is a source of this server.
func (s *spark) url() string { return "spark://tagger:Pa55-w0rd-of-spark@" + s.host + "/default" }

// exec runs a statement, on a source of its own, and returns the first row.
func (s *spark) exec(t testing.TB, statement string) json.RawMessage {
	t.Helper()
	sources, err := runner.NewSQL(context.Background(), map[string]string{"admin": s.url() + "?connect_timeout=60"}, runner.SQLOptions{PoolSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer sources.Close()
	payload, _ := json.Marshal(map[string]string{"statement": statement})
	report, err := sources.Run(context.Background(), &store.Job{Tag: "admin", Payload: payload})
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return report.Value
}

// sparkJob is a job as Spark's page lists it.
type sparkJob struct {
	ID          int    `json:"jobId"`
	Description string `json:"description"` // the statement
	Group       string `json:"jobGroup"`    // the operation
}

// running is what works now: number, operation and statement of each job.
func (s *spark) running(t testing.TB) (list []string) {
	t.Helper()
	var applications []struct{ ID string }
	s.get(t, "/api/v1/applications", &applications)
	for _, a := range applications {
		var jobs []sparkJob
		s.get(t, "/api/v1/applications/"+a.ID+"/jobs?status=running", &jobs)
		for _, j := range jobs {
			list = append(list, fmt.Sprintf("%d %s %s", j.ID, j.Group, j.Description))
		}
	}
	return list
}

func (s *spark) get(t testing.TB, path string, into any) {
	t.Helper()
	answer, err := enginetest.Client.Get("http://" + s.ui + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatalf("%s: %v: %s", path, err, text[:min(len(text), 200)])
	}
}

// kill ends a job by its number, as the button of Spark's page does.
func (s *spark) kill(t testing.TB, running string) {
	t.Helper()
	number, _, _ := strings.Cut(running, " ")
	answer, err := enginetest.Client.Post("http://"+s.ui+"/jobs/job/kill/?id="+number, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
}
