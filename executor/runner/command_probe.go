package runner

import (
	"context"
	"os"

	"golang.org/x/sys/unix"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/strictjson"
	"github.com/tagexec/tagexec/executor/runner/words"
	"github.com/tagexec/tagexec/store"
)

// anyCommand is what every command needs: the commands directory, and room for a
// working directory and a process.
var anyCommand = store.Resource{Name: "commands"}

func commandResource(name string) store.Resource {
	return store.Resource{Name: "command " + words.Quote(name), Field: "command", Texts: []string{name}}
}

func variableResource(name string) store.Resource {
	return store.Resource{Name: "variable " + words.Quote(name), Field: "env", Texts: []string{"*" + string(strictjson.OfText(name)) + ": *"}}
}

func noDirectory(err error) error {
	return executor.Failf("start_failed", "making a working directory (TMPDIR says where): %v", err)
}

// Resources are what every command needs.
func (c *Command) Resources() []store.Resource { return []store.Resource{anyCommand} }

// Probe looks for a command, or makes a working directory.
func (c *Command) Probe(_ context.Context, r store.Resource) error {
	switch {
	case r.Field == "command":
		return c.startable(r.Texts[0])
	case r.Field == "env":
		return executor.Failf("env_not_allowed", "%s may not be set by a payload on this executor", r.Name)
	}
	root, err := os.OpenRoot(c.dir)
	if err != nil {
		return executor.Failf("command_not_allowed", "the commands directory of this executor cannot be read")
	}
	_ = root.Close() // read only
	work, err := c.work.make()
	if err != nil {
		return noDirectory(err)
	}
	return os.Remove(work)
}

// startable looks for what keeps a command from being started, as far as can be
// seen without starting it.
func (c *Command) startable(name string) error {
	path, err := c.resolve(name)
	if err != nil {
		return err
	}
	if err := unix.Access(path, unix.X_OK); err != nil { // also where its file system is mounted noexec
		return executor.Failf("start_failed", "command %s could not be started: %v", words.Quote(name), err)
	}
	if fault := scriptFault(path); fault != "" {
		return executor.Failf("start_failed", "command %s could not be started%s", words.Quote(name), fault)
	}
	return nil
}
