package clitest

import (
	"fmt"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"github.com/tagexec/tagexec/store/storetest"
)

// Main runs the package's tests as storetest.Main does. It also makes the test
// binary answer to the program's name, so that scripts and tests run the real
// program.
func Main(m *testing.M, program string, main func()) {
	testscript.Main(leakChecked{storetest.Tests{M: m}}, map[string]func(){program: main})
}

type leakChecked struct{ tests storetest.Tests }

func (l leakChecked) Run() int {
	code := l.tests.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}
