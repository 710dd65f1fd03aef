package main

import (
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, "tagexec", main) }

func TestScripts(t *testing.T) { clitest.RunAll(t) }
