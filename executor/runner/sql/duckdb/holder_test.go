//go:build duckdb

package duckdb_test

import (
	"bufio"
	stdsql "database/sql"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/tagexec/tagexec/executor/runner/sql/duckdb"
)

// held is the variable of a process that has a file open until its input ends.
const held = "TAGEXEC_TEST_DUCKDB_FILE"

// holds has a file open if this process is to do so, and reports whether it was.
func holds() bool {
	path := os.Getenv(held)
	if path == "" {
		return false
	}
	connector, err := duckdb.Connector(file(path).url())
	if err != nil {
		panic(err)
	}
	db := stdsql.OpenDB(connector)
	if _, err := db.Exec("CREATE TABLE IF NOT EXISTS theirs (id INT)"); err != nil {
		panic(err)
	}
	fmt.Println("open")
	_, _ = io.Copy(io.Discard, os.Stdin) // until it ends
	return true
}

// heldByAnother has another process open the file until it is let go, and returns its
// number.
func (f file) heldByAnother(t testing.TB) (pid int, letGo func()) {
	t.Helper()
	process := exec.Command(os.Args[0])
	process.Env = append(os.Environ(), held+"="+string(f))
	process.Stderr = os.Stderr
	input, err := process.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	letGo = func() {
		_ = input.Close()
		_ = process.Wait()
	}
	t.Cleanup(letGo)
	if line, err := bufio.NewReader(output).ReadString('\n'); line != "open\n" {
		t.Fatalf("the other process says %q, %v", line, err)
	}
	return process.Process.Pid, letGo
}
