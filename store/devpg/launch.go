package devpg

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"syscall"
)

// launchOnSomePort starts the server on the port asked for, or on a free one: a port can be taken between the look and the start.
func (s *Server) launchOnSomePort(ctx context.Context) error {
	if port := s.options.Port; port != 0 {
		if !portFree(port) {
			return fmt.Errorf("port %d of 127.0.0.1 is taken", port)
		}
		s.port = port
		return s.launch(ctx)
	}
	s.port = s.dir.readPort()
	for attempt := 1; ; attempt++ {
		if s.port == 0 || !portFree(s.port) {
			var err error
			if s.port, err = freePort(); err != nil {
				return err
			}
		}
		err := s.launch(ctx)
		if err == nil || ctx.Err() != nil || portFree(s.port) || attempt == 5 {
			return err
		}
	}
}

// launch starts the server and waits until it accepts connections.
func (s *Server) launch(ctx context.Context) error {
	if err := s.dir.removeStalePidFile(); err != nil {
		return err
	}
	log, err := openServerLog(s.dir.logFile(), s.account)
	if err != nil {
		return err
	}
	cmd := s.account.command(s.binaries.postgres(), s.arguments()...)
	cmd.Dir = s.dir.path
	if s.options.Preload != "" {
		cmd.Env = append(cmd.Env, "LD_PRELOAD="+s.options.Preload)
	}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{s.dir.lock} // the lock is held until the last server process is gone
	p, err := startProcess(cmd)
	if err != nil {
		return errors.Join(err, log.Close())
	}
	s.process, s.log = p, log
	if err := s.waitReady(ctx); err != nil {
		// Stopped first: the log is complete, and free to be read, only when the process is gone.
		err = errors.Join(err, s.end(syscall.SIGQUIT))
		return fmt.Errorf("%w; the end of its log:\n%s", err, log.tail)
	}
	return nil
}

func (s *Server) arguments() []string {
	settings := map[string]string{
		"max_connections":   "200",
		"shared_buffers":    "128MB",
		"logging_collector": "off",
		"log_destination":   "stderr",
	}
	if s.options.Fast {
		// Not synchronous_commit: it costs little without fsync, and off it loses commits at StopImmediate.
		settings["fsync"] = "off"
		settings["full_page_writes"] = "off"
	}
	maps.Copy(settings, s.options.Settings)
	settings["port"] = strconv.Itoa(s.port)
	settings["listen_addresses"] = "127.0.0.1"
	settings["unix_socket_directories"] = ""

	args := []string{"-D", s.dir.data()}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}

// waitReady returns once the server says in its pid file that it accepts connections, as pg_ctl does.
func (s *Server) waitReady(ctx context.Context) error {
	return poll(ctx, func() (bool, error) {
		select {
		case <-s.process.done:
			return false, fmt.Errorf("the server gave up (%v)", s.process.cmd.ProcessState)
		default:
			pid, ready := s.dir.readPidFile()
			return ready && pid == s.process.cmd.Process.Pid, nil
		}
	})
}
