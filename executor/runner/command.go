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
	"syscall"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/words"
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
	// Secrets are what no output may hold, besides the values of those variables of
	// Env whose names say that they are secret. Very short ones are in every text, and
	// stay there.
	Secrets []string
	// EnvSettable names the variables that a payload may set.
	EnvSettable []string
	// User is who commands run as, a name or a number, where this process is
	// root's; empty: as this process. The user must not be root.
	User string
	// Workers is how many commands run at once, at most. Threads for them are
	// made at the start; see reserveThreads.
	Workers int
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
// arrive; it can be watched while they do. The last line of standard output that
// is not blank becomes the result if it is a JSON object of at most 64 kB. In all of
// it secrets are replaced, as far as CommandOptions.Secrets goes. Exit status 0 is
// success, another one the failure exit_status with the last line of standard error,
// in which passwords of URLs are masked (everybody may see it), and a signal that the executor did not send the failure killed.
//
// A command runs in a process group of its own, below a guardian: a process of
// this very program, which it becomes by the init function of this package.
// When the context ends the group gets SIGTERM and, after the kill grace,
// SIGKILL; when the command itself ends, whatever it has started is killed. All
// of it also dies with the executor, however that ends. On Linux this includes
// processes in a session of their own (setsid), unless they got the rights of
// another user or the command killed its guardian; elsewhere they are out of
// reach. They cannot keep the job from ending. On Linux the kernel short of
// memory kills a command before the executor.
//
// A command has no descriptors but its streams, and finds nothing of the
// executor in its parent.
type Command struct {
	dir      string
	pass     []string
	redact   redactor
	settable []string
	grace    time.Duration
	self     string              // the program that guardians are started from
	user     *syscall.Credential // nil: this process's
	work     *workDirs
}

// Threads that an executor needs: one waits for a guardian and one starts the
// next, as a rule; the others are for all else that it does. Where hundreds of
// commands run at once no limit of processes is so low, and Go's own is 10,000.
const (
	threadsPerCommand = 2
	ownThreads        = 8
	maxReserved       = 1000
)

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
	for _, s := range append(secretsOf(opt.Env), opt.Secrets...) {
		if len(s) >= shortest {
			c.redact.add(s)
		}
	}
	dir, err := commandsDir(opt.Dir)
	if err != nil {
		problems = append(problems, err)
	}
	c.dir = dir
	for _, name := range opt.Env {
		if !validEnvName(name) || slices.Contains(jobVariables, name) {
			problems = append(problems, fmt.Errorf("variable %s cannot be passed to commands", words.Quote(name)))
		}
	}
	for _, name := range opt.EnvSettable {
		if !validEnvName(name) || takesOver(name) {
			problems = append(problems, fmt.Errorf("variable %s cannot be left to payloads: "+
				"it is the executor's own, or makes a program run other code", words.Quote(name)))
		}
	}
	if opt.KillGrace < 0 {
		problems = append(problems, fmt.Errorf("kill grace %s is below 0", opt.KillGrace))
	}
	if c.user, err = commandUser(opt.User); err != nil {
		problems = append(problems, err)
	}
	if c.self, err = selfPath(); err != nil {
		problems = append(problems, fmt.Errorf("this program cannot be found, to watch over commands: %w", err))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("command runner: %w", err)
	}
	reserveThreads(min(ownThreads+opt.Workers*threadsPerCommand, maxReserved))
	c.work = newWorkDirs(c.user)
	return c, nil
}

// Close removes what the commands worked in. Call it when no Run is under way.
func (c *Command) Close() { c.work.close() }

// Run runs the command of one job to its end.
func (c *Command) Run(ctx context.Context, job *store.Job) (executor.Report, error) {
	payload, err := decodeCommand(job.Payload)
	if err != nil {
		return executor.Report{}, err
	}
	path, err := c.resolve(payload.command)
	if err != nil {
		return executor.Report{}, err
	}
	env, err := c.environment(payload.env, job)
	if err != nil {
		return executor.Report{}, err
	}
	if parent := executor.Traceparent(ctx); parent != "" {
		env = append(env, "TRACEPARENT="+parent) // the last one stands
	}
	work, err := c.work.make()
	if err != nil {
		return executor.Report{}, unavailable(anyCommand, noDirectory(err))
	}
	defer removeWork(work)

	p := process{
		cmd:   &exec.Cmd{Path: c.self, Args: append([]string{guardianName, path}, payload.args...), Env: env, Dir: work, SysProcAttr: guardianAttr(c.user)},
		stdin: payload.stdin,
		grace: c.grace,
	}
	executor.ShowOutput(ctx, redacted{&p.output, &c.redact})
	end, err := p.run(ctx)
	if err != nil {
		return executor.Report{}, startFailure(ctx, payload.command, path, err)
	}
	return c.report(ctx, payload.command, &p, end)
}

// resolve returns the path of a command. Looking through os.Root refuses links
// that lead out of the directory.
func (c *Command) resolve(name string) (string, error) {
	root, err := os.OpenRoot(c.dir)
	if err != nil {
		return "", unavailable(anyCommand, executor.Failf("command_not_allowed", "the commands directory of this executor cannot be read"))
	}
	defer func() { _ = root.Close() }() // read only
	info, err := root.Stat(name)
	if err != nil {
		return "", unavailable(commandResource(name), executor.Failf("command_not_allowed",
			"command %s is not in the commands directory of this executor", words.Quote(name)))
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
		return "", unavailable(commandResource(name), executor.Failf("command_not_allowed",
			"command %s is not an executable file on this executor", words.Quote(name)))
	}
	path := filepath.Join(c.dir, name)
	if onlyOurs(path) != nil {
		return "", unavailable(commandResource(name), executor.Failf("command_not_allowed",
			"command %s is not run on this executor: others than the executor's user may change it", words.Quote(name)))
	}
	return path, nil
}

func (c *Command) environment(fromPayload map[string]string, job *store.Job) ([]string, error) {
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
		if takesOver(name) {
			return nil, executor.Refusef("env_not_allowed", "payload: env: %s may not be set by a payload anywhere", words.Quote(name))
		}
		if !slices.Contains(c.settable, name) {
			return nil, unavailable(variableResource(name), executor.Failf("env_not_allowed",
				"payload: env: %s may not be set by a payload on this executor", words.Quote(name)))
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

func startFailure(ctx context.Context, command, path string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("command %s was not started: %w", words.Quote(command), context.Cause(ctx))
	}
	needs := commandResource(command)
	var errno syscall.Errno
	if errors.As(err, &errno) { // without the path around it
		fault := scriptFault(path)
		if errno == syscall.ENOEXEC && fault == "" {
			fault = "; it is neither a program of this machine nor a script that begins with a #! line, such as #!/bin/sh"
		}
		err = fmt.Errorf("%v%s", errno, fault)
		switch errno {
		case syscall.E2BIG:
			return executor.Refusef("start_failed", "command %s could not be started: %v", words.Quote(command), errno)
		case syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE, syscall.ENOSPC,
			syscall.EBADF: // from dup, past the limit of open files
			needs = anyCommand // the machine has no room for another process
		}
	}
	if errors.Is(err, errNoGuardian) { // as where there is no room for its threads
		needs = anyCommand
	}
	return unavailable(needs, executor.Failf("start_failed", "command %s could not be started: %v", words.Quote(command), err))
}

func (c *Command) report(ctx context.Context, command string, p *process, end ending) (executor.Report, error) {
	report := executor.Report{
		Output:      c.redact.text(p.output.String()),
		OutputBytes: p.output.Len(),
		Value:       objectResult(c.redact.bytes(p.stdout.line())),
	}
	if end.outputHeld {
		report.Output += "\n… a process that the command left behind keeps its output open; it was not read on …\n"
	}
	if !end.unknown && end.status.Exited() {
		code := int32(end.status.ExitStatus())
		report.ExitCode = &code
	}
	switch {
	case end.signalled:
		return report, fmt.Errorf("command %s was ended: %w", words.Quote(command), context.Cause(ctx))
	case end.unknown:
		return report, executor.Failf("killed", "killed, because the process that watches over it was")
	case report.ExitCode != nil && *report.ExitCode == 0:
		return report, nil
	case report.ExitCode != nil:
		message := fmt.Sprintf("exited with status %d", *report.ExitCode)
		if last := p.stderr.line(); len(last) > 0 {
			message += ": " + words.Clip(executor.MaskPasswords(c.redact.text(string(last))), 200)
		}
		if *report.ExitCode == exitNotFound {
			message += scriptFault(filepath.Join(c.dir, command))
		}
		message += shellFault(filepath.Join(c.dir, command))
		return report, executor.Failf("exit_status", "%s", message)
	}
	return report, executor.Failf("killed", "killed by %s", signalName(end.status))
}
