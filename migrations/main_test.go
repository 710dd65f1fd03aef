package migrations_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store/storetest"
)

// upURL is the variable with the database that this binary migrates instead of
// running tests, so that TestUpAfterAKill can kill it.
const upURL = "TAGEXEC_TEST_UP"

func TestMain(m *testing.M) {
	url := os.Getenv(upURL)
	if url == "" {
		storetest.Main(m)
	}
	if _, err := migrations.Up(context.Background(), url); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
