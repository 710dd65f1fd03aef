// Command river lets River do what `tagexec-bench` measures, so that both can be
// compared on one server. `tagexec-bench --vs river` builds and drives it: it
// reads its options as one line of JSON, writes when it is ready, begins at the
// next line, reports what is stored, and ends when its standard input does.
//
//	river fill   makes River's tables and fills them
//	river work   works jobs off
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// options are what is to be done. tagexec-bench has the same fields in
// internal/bench/peer.go.
type options struct {
	Database  string `json:"database"`
	Schema    string `json:"schema"`
	Pending   int    `json:"pending"`
	Finished  int    `json:"finished"`
	Processes int    `json:"processes"`
	Best      struct {
		Workers    int   `json:"workers"` // of all processes together
		CooldownMS int64 `json:"cooldown_ms"`
		PollMS     int64 `json:"poll_ms"`
	} `json:"best"`
}

// message is a line of our output. tagexec-bench has the same fields in
// internal/bench/process.go.
type message struct {
	Ready  bool  `json:"ready,omitempty"`
	At     int64 `json:"at,omitempty"` // Unix time in ns
	Stored int   `json:"stored,omitempty"`
}

// connections is River's pool; more did not make it faster.
const connections = 10

// headroom spares the garbage collector work, as that of tagexec does.
const headroom = 16 << 20

func main() {
	unused := make([]byte, headroom)
	err := run(os.Args[1:])
	runtime.KeepAlive(unused)
	if err != nil {
		fmt.Fprintln(os.Stderr, "river: "+err.Error())
		os.Exit(1)
	}
}

func run(args []string) error {
	do := map[string]func(context.Context, options, *pgxpool.Pool, func(int)) error{"fill": fill, "work": work}
	if len(args) != 1 || do[args[0]] == nil {
		return fmt.Errorf("want `river fill` or `river work`, got %q: this program is for `tagexec-bench --vs river`", args)
	}
	in, out := bufio.NewReader(os.Stdin), json.NewEncoder(os.Stdout)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read the options: %w", err)
	}
	var o options
	if err := json.Unmarshal(line, &o); err != nil {
		return fmt.Errorf("read the options: %w", err)
	}
	config, err := pgxpool.ParseConfig(o.Database)
	if err != nil {
		return err
	}
	config.MaxConns = connections
	config.ConnConfig.RuntimeParams["application_name"] = "river"
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	db, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := out.Encode(message{Ready: true}); err != nil {
		return err
	}
	if _, err := in.ReadBytes('\n'); err != nil {
		return nil // called off
	}
	go func() { // ends with the process at the latest
		_, _ = io.Copy(io.Discard, in)
		cancel()
	}()
	stored := func(n int) { _ = out.Encode(message{At: time.Now().UnixNano(), Stored: n}) } // nobody there: our input ends too
	if err := do[args[0]](ctx, o, db, stored); err != nil && ctx.Err() == nil {
		return err
	}
	<-ctx.Done()
	return nil
}
