package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

// defaultKillGrace is the default of CommandOptions.KillGrace. With outputGrace
// it stays below the 3 s after which the executor records an attempt without
// its runner, so that a cancelled job is over within 5 s.
const defaultKillGrace = 2 * time.Second

// CommandOptions are the settings of a Command runner.
type CommandOptions struct {
	// Dir holds the executables that jobs may name. Required.
	Dir string
	// Env names the variables of the executor's own environment that every
	// command gets. A name that is not set is passed over.
	Env []string
	// EnvSettable names the variables that a payload may set.
	EnvSettable []string
	// KillGrace is the time between SIGTERM and SIGKILL; 0 means 2 s.
	// Beyond that an executor may record the attempt without its output.
	KillGrace time.Duration
}

// Command runs executables of one directory, without a shell.
//
//	{"command": "rebuild_tag", "args": ["--date", "2026-11-22"], "env": {"K": "v"}, "stdin": "…"}
//
// The command is the name of an executable regular file directly in the
// directory. A symbolic link counts when it leads to a file inside the
// directory (so a mounted Kubernetes ConfigMap works); what lies elsewhere
// needs a wrapper script. Its environment holds the variables of
// CommandOptions.Env, the payload's, and TAGEXEC_JOB_ID, TAGEXEC_ATTEMPT,
// TAGEXEC_TAG, TAGEXEC_BATCH and TAGEXEC_BIZ_DATE (empty where the job has
// none), nothing else: no PATH unless it is listed. Its working directory is
// new, empty and removed afterwards.
//
// Standard output and error together are the output, in the order they
// arrive. The last line of standard output that is not blank becomes the
// result if it is a JSON object of at most 64 kB. Exit status 0 is success,
// another one the failure exit_status with the last line of standard error,
// and a signal that the executor did not send the failure killed.
//
// A command runs in a process group of its own. When the context ends the
// group gets SIGTERM and, after the kill grace, SIGKILL; when the command
// itself ends, whatever is left of its group is killed. The group also dies with
// the executor, however that ends, and on Linux the kernel short of memory kills
// a command before the executor. A process that moved itself into another session (setsid) is
// out of reach; it cannot keep the job from ending.
type Command struct {
	dir      string
	pass     []string
	settable []string
	grace    time.Duration
	guard    *guardian
}

// jobVariables are set by the executor alone.
var jobVariables = []string{"TAGEXEC_JOB_ID", "TAGEXEC_ATTEMPT", "TAGEXEC_TAG", "TAGEXEC_BATCH", "TAGEXEC_BIZ_DATE"}

// NewCommand makes a runner. The error lists everything wrong with opt. Close
// ends the runner.
func NewCommand(opt CommandOptions) (*Command, error) {
	c := &Command{pass: opt.Env, settable: opt.EnvSettable, grace: opt.KillGrace}
	if c.grace == 0 {
		c.grace = defaultKillGrace
	}
	var problems []error
	dir, err := commandsDir(opt.Dir)
	if err != nil {
		problems = append(problems, err)
	}
	c.dir = dir
	for _, name := range opt.Env {
		if !validEnvName(name) || slices.Contains(jobVariables, name) {
			problems = append(problems, fmt.Errorf("variable %s cannot be passed to commands", quote(name)))
		}
	}
	for _, name := range opt.EnvSettable {
		if !validEnvName(name) || takesOver(name) {
			problems = append(problems, fmt.Errorf("variable %s cannot be left to payloads: "+
				"it is the executor's own, or makes a program run other code", quote(name)))
		}
	}
	if opt.KillGrace < 0 {
		problems = append(problems, fmt.Errorf("kill grace %s is below 0", opt.KillGrace))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("command runner: %w", err)
	}
	c.guard = startGuardian()
	return c, nil
}

// Close ends what watches over the commands. Call it when no Run is under way.
func (c *Command) Close() { c.guard.close() }

func commandsDir(dir string) (string, error) {
	if dir == "" {
		return "", errors.New("no commands directory is configured")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("commands directory: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return "", fmt.Errorf("commands directory: %w", err)
	}
	if !info.IsDir() {
		return "", fmt.Errorf("commands directory %s is not a directory", dir)
	}
	return dir, nil
}

// takesOver tells whether who sets a variable decides what code a listed
// command runs: the dynamic linker, the shell, PATH.
func takesOver(name string) bool {
	for _, prefix := range []string{"LD_", "DYLD_", "TAGEXEC_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return slices.Contains([]string{"PATH", "ENV", "BASH_ENV", "IFS", "GLIBC_TUNABLES", "GCONV_PATH"}, name)
}

// Run runs the command of one job to its end.
func (c *Command) Run(ctx context.Context, job store.Job) (executor.Outcome, error) {
	payload, err := decodeCommand(job.Payload)
	if err != nil {
		return executor.Outcome{}, err
	}
	path, err := c.resolve(payload.command)
	if err != nil {
		return executor.Outcome{}, err
	}
	env, err := c.environment(payload.env, job)
	if err != nil {
		return executor.Outcome{}, err
	}
	work, err := os.MkdirTemp("", "tagexec-job-")
	if err != nil {
		return executor.Outcome{}, executor.Failf("start_failed", "making a working directory: %v", err)
	}
	defer func() { _ = os.RemoveAll(work) }() // what cannot be removed is only clutter

	p := process{
		cmd:   &exec.Cmd{Path: path, Args: append([]string{path}, payload.args...), Env: env, Dir: work},
		stdin: payload.stdin,
		grace: c.grace,
		guard: c.guard,
	}
	end, err := p.run(ctx)
	if err != nil {
		return executor.Outcome{}, startFailure(ctx, payload.command, err)
	}
	return c.outcome(ctx, payload.command, &p, end)
}

// resolve returns the path of a command. Looking through os.Root refuses links
// that lead out of the directory.
func (c *Command) resolve(name string) (string, error) {
	root, err := os.OpenRoot(c.dir)
	if err != nil {
		return "", executor.Failf("command_not_allowed", "the commands directory of this executor cannot be read")
	}
	defer func() { _ = root.Close() }() // read only
	info, err := root.Stat(name)
	if err != nil {
		return "", executor.Failf("command_not_allowed",
			"command %s is not in the commands directory of this executor", quote(name))
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
		return "", executor.Failf("command_not_allowed",
			"command %s is not an executable file on this executor", quote(name))
	}
	return filepath.Join(c.dir, name), nil
}

func (c *Command) environment(fromPayload map[string]string, job store.Job) ([]string, error) {
	var env []string
	for _, name := range c.pass {
		if _, override := fromPayload[name]; override {
			continue
		}
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	for _, name := range sortedKeys(fromPayload) {
		if !slices.Contains(c.settable, name) {
			return nil, executor.Failf("env_not_allowed",
				"payload: env: %s may not be set by a payload on this executor", quote(name))
		}
		env = append(env, name+"="+fromPayload[name])
	}
	var batch, bizDate string
	if job.Batch != nil {
		batch = *job.Batch
	}
	if job.BizDate != nil {
		bizDate = job.BizDate.Format(time.DateOnly)
	}
	return append(env,
		"TAGEXEC_JOB_ID="+strconv.FormatInt(job.ID, 10),
		"TAGEXEC_ATTEMPT="+strconv.FormatInt(int64(job.Attempt), 10),
		"TAGEXEC_TAG="+job.Tag,
		"TAGEXEC_BATCH="+batch,
		"TAGEXEC_BIZ_DATE="+bizDate,
	), nil
}

func startFailure(ctx context.Context, command string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("command %s was not started: %w", quote(command), context.Cause(ctx))
	}
	var errno syscall.Errno
	if errors.As(err, &errno) { // without the path around it
		f := executor.Failf("start_failed", "command %s could not be started: %v", quote(command), errno)
		f.Permanent = errno == syscall.E2BIG
		return f
	}
	return executor.Failf("start_failed", "command %s could not be started: %v", quote(command), err)
}

func (c *Command) outcome(ctx context.Context, command string, p *process, end ending) (executor.Outcome, error) {
	out := executor.Outcome{
		Output:      p.output.String(),
		OutputBytes: p.output.Len(),
		Result:      objectResult(p.stdout.line()),
	}
	if end.outputHeld {
		out.Output += "\n… a process that the command left behind keeps its output open; it was not read on …\n"
	}
	if end.state.Exited() {
		code := int32(end.state.ExitCode())
		out.ExitCode = &code
	}
	switch {
	case end.signalled:
		return out, fmt.Errorf("command %s was ended: %w", quote(command), context.Cause(ctx))
	case end.state.Success():
		return out, nil
	case end.state.Exited():
		message := fmt.Sprintf("exited with status %d", *out.ExitCode)
		if last := p.stderr.line(); len(last) > 0 {
			message += ": " + clip(string(last), 200)
		}
		return out, executor.Failf("exit_status", "%s", message)
	}
	return out, executor.Failf("killed", "killed by %s", signalName(end.state))
}
