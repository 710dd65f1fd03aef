package chaos

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// job is a row for the queue; the names are those of its columns. The tag is
// unique, so that a job is known by it in all three accounts.
type job struct {
	Tag         string         `json:"tag"`
	Kind        string         `json:"kind"`
	Payload     map[string]any `json:"payload"`
	Pool        string         `json:"pool"`
	Slots       int32          `json:"slots"`
	Priority    int16          `json:"priority"`
	MutexKey    *string        `json:"mutex_key,omitempty"`
	Timeout     *int32         `json:"timeout_seconds,omitempty"`
	MaxAttempts int16          `json:"max_attempts"`
}

const mutexKeys = 12

// maxAttempts keeps the delay before the last attempt at 20 s, and so the drain
// short.
const maxAttempts = 4

// newJob makes a job: half of them SQL, some of which are wide or ask for more
// than memory holds, the others commands, some of which run long, fail once, fail
// always, or never end.
func newJob(random *rand.Rand, tag string) job {
	j := job{Tag: tag, Pool: "default", Slots: 1, Priority: int16(random.IntN(10)), MaxAttempts: maxAttempts}
	switch n := random.IntN(100); {
	case n < 18:
		j.Pool, j.Slots = "narrow", 1+random.Int32N(2)
	case n < 36:
		j.Pool, j.Slots = "wide", 1+random.Int32N(3)
	case n < 60:
		j.Pool = "free"
	}
	if random.IntN(4) == 0 {
		key := fmt.Sprintf("key-%d", random.IntN(mutexKeys))
		j.MutexKey = &key
	}
	if random.IntN(2) == 0 {
		j.Kind = "sql"
		j.Payload, j.Timeout = sqlPayload(random, tag)
		return j
	}
	steps, ending := random.IntN(4), "well"
	switch n := random.IntN(100); {
	case n < 12:
		steps = 10 + random.IntN(40) // beyond the lease
	case n < 20:
		ending = "badly once"
	case n < 24:
		ending, j.MaxAttempts = "badly", 2
	case n < 27:
		ending, j.MaxAttempts, j.Timeout = "never", 2, new(int32(1))
	}
	key := "-"
	if j.MutexKey != nil {
		key = *j.MutexKey
	}
	j.Kind = "command"
	j.Payload = map[string]any{"command": commandName, "args": []string{fmt.Sprint(steps), ending, j.Pool, fmt.Sprint(j.Slots), key}}
	return j
}

// sleepLimit is the timeout of what sleeps, in seconds: a server counts a sleep by its
// clock, and one that was set back meanwhile sleeps for hours.
const sleepLimit = 30

// sqlPayload is a transaction that leaves the tag as its effect.
func sqlPayload(random *rand.Rand, tag string) (payload map[string]any, timeout *int32) {
	statements := []map[string]any{{"statement": "INSERT INTO chaos.effects (tag) VALUES ($1)", "args": []string{tag}}}
	switch n := random.IntN(100); {
	case n < 25:
		statements = append(statements, map[string]any{"statement": "SELECT pg_sleep($1)", "args": []any{random.Float64() / 2}})
		timeout = new(int32(sleepLimit))
	case n < 29:
		statements = append(statements, map[string]any{"statement": hungry[random.IntN(len(hungry))]})
		if random.IntN(2) == 0 { // nobody wants its rows; else it is refused
			statements = append(statements, map[string]any{"statement": "SELECT 1"})
		}
	case n < 33:
		statements = append(statements, map[string]any{"statement": "SELECT length($1)", "args": []string{strings.Repeat("wide ", 20_000)}})
	}
	return map[string]any{"statements": statements}, timeout
}

const commandName = "work"

// writeCommands makes a directory of commands, which write to a history.
func writeCommands(dir, history string) error {
	script := strings.ReplaceAll(commandScript, "HISTORY", history)
	return errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(filepath.Join(dir, commandName), []byte(script), 0o755))
}

// commandScript is what a command job runs. Each line of the history is one
// write, so the order of lines is the order of what happened. While it lives it
// leaves a line every 100 ms or so: the last one tells how long it lived at least,
// also after a kill.
const commandScript = `#!/bin/sh
# usage: work STEPS ENDING POOL SLOTS MUTEX_KEY
pool=$3 slots=$4 key=$5
say() {
	if ! read -r now idle < /proc/uptime; then now=$(date +%s); fi
	echo "$1 $now $TAGEXEC_JOB_ID $TAGEXEC_ATTEMPT $TAGEXEC_TAG $pool $slots $key" >> 'HISTORY'
}
trap 'say stopped; exit 143' TERM
say start
left=$1
while [ "$left" -gt 0 ]; do
	sleep 0.1
	say step
	left=$((left - 1))
done
case $2 in
badly) say failed; exit 1 ;;
"badly once") [ "$TAGEXEC_ATTEMPT" -gt 1 ] || { say failed; exit 1; } ;;
never) while :; do sleep 0.2; say step; done ;;
esac
say end
`
