package shield_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tagexec/tagexec/executor/runner/shield"
)

const shielded = "TAGEXEC_SHIELD_TEST"

// TestMain runs the tests, or this binary as a process that shields itself,
// says what it sees, and waits.
func TestMain(m *testing.M) {
	if os.Getenv(shielded) == "" {
		os.Exit(m.Run())
	}
	shield.Descriptors()
	shield.Environment()
	shield.Memory()
	dumpable, _ := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	flags, _ := unix.FcntlInt(3, unix.F_GETFD, 0)
	fmt.Println(os.Getenv(shielded), dumpable, flags&unix.FD_CLOEXEC)
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
}

func TestAShieldedProcessShowsNothing(t *testing.T) {
	t.Parallel()
	p := exec.Command(os.Args[0])
	p.Env = append(os.Environ(), shielded+"=hush-hush")
	p.ExtraFiles = []*os.File{os.Stderr} // 3, which stays open in programs it starts
	in, err := p.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if line != "hush-hush 0 1\n" {
		t.Errorf("it says %q; want its variable, not dumpable, and closed in what it starts", line)
	}
	environment, err := os.ReadFile("/proc/" + strconv.Itoa(p.Process.Pid) + "/environ")
	if os.Geteuid() != 0 && err == nil {
		t.Error("its environment can be read")
	}
	if strings.Trim(string(environment), "\x00") != "" {
		t.Errorf("its environment shows %q", environment)
	}
	_ = in.Close()
	if err := p.Wait(); err != nil {
		t.Error(err)
	}
}
