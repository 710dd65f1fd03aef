package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// counters are what the server has counted so far.
type counters struct {
	wal     float64 // bytes, of the whole server
	commits float64 // in one database
	queries float64 // in one database; transactions where statements are not counted
	cpu     time.Duration
}

const (
	countersSQL = `
SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::double precision,
       d.xact_commit::double precision, (d.xact_commit + d.xact_rollback)::double precision
  FROM pg_stat_database d
 WHERE d.datname = $1`

	statementsSQL = `
SELECT coalesce(sum(s.calls), 0)::double precision
  FROM pg_stat_statements s
  JOIN pg_database d ON d.oid = s.dbid
 WHERE d.datname = $1`
)

// readCounters reads what was counted in the database of that name.
func (b *Bench) readCounters(ctx context.Context, name string) (c counters, err error) {
	admin := b.setup.admin()
	if err := admin.QueryRow(ctx, countersSQL, name).Scan(&c.wal, &c.commits, &c.queries); err != nil {
		return c, fmt.Errorf("read the server's counters: %w", err)
	}
	if b.statements {
		if err := admin.QueryRow(ctx, statementsSQL, name).Scan(&c.queries); err != nil {
			return c, fmt.Errorf("read pg_stat_statements: %w", err)
		}
	}
	if b.Server != nil {
		c.cpu = serverCPU(b.Server.DataDir())
	}
	return c, nil
}

// statementsCounted reports whether pg_stat_statements can be read.
func statementsCounted(ctx context.Context, admin *pgxpool.Pool) bool {
	_, err := admin.Exec(ctx, "SELECT FROM pg_stat_statements LIMIT 1")
	return err == nil
}

// What follows reads /proc. Where there is none, all is 0 and not reported.

// tick is the unit of times in /proc: USER_HZ is 100 wherever Go runs.
const tick = 10 * time.Millisecond

// serverCPU is what the server in dir and its processes have used, those that
// ended included.
func serverCPU(dir string) (sum time.Duration) {
	pidFile, _ := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	first, _, _ := strings.Cut(string(pidFile), "\n")
	postmaster, err := strconv.Atoi(first)
	if err != nil {
		return 0
	}
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		s := readStat(file)
		if s.pid == postmaster {
			sum += s.own + s.children
		} else if s.parent == postmaster {
			sum += s.own
		}
	}
	return sum
}

// processCPU is what a process has used so far.
func processCPU(pid int) time.Duration {
	return readStat(fmt.Sprintf("/proc/%d/stat", pid)).own
}

type stat struct {
	pid, parent   int
	own, children time.Duration // children: those that ended
}

func readStat(file string) (s stat) {
	text, _ := os.ReadFile(file) // gone: all 0
	begin, rest, found := strings.Cut(string(text), " (")
	end := strings.LastIndex(rest, ") ") // the name may hold anything
	if !found || end < 0 {
		return s
	}
	fields := strings.Fields(rest[end+2:])
	number := func(i int) int {
		n, _ := strconv.Atoi(fields[i])
		return n
	}
	s.pid, _ = strconv.Atoi(begin)
	s.parent = number(1)
	s.own = time.Duration(number(11)+number(12)) * tick
	s.children = time.Duration(number(13)+number(14)) * tick
	return s
}

// memory is what a process holds in memory, in bytes: VmRSS now, VmHWM at most.
func memory(pid int, which string) int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, which+":"); found {
			kB, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kB << 10
		}
	}
	return 0
}
