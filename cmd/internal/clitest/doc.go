// Package clitest runs a program of this module in its own tests: by scripts, or
// as a process that may be signalled.
package clitest
