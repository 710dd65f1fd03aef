package bench

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Settings are what the figures depend on, in the order in which they are printed.
type Settings struct {
	Jobs      int               `json:"jobs,omitempty"`
	Workers   int               `json:"workers,omitempty"`
	Repeat    int               `json:"repeat"`
	SliceJobs int               `json:"slice_jobs,omitempty"`
	Pending   int               `json:"pending,omitempty"`
	Finished  int               `json:"finished,omitempty"`
	Processes int               `json:"processes,omitempty"`
	Seconds   float64           `json:"seconds,omitempty"`
	Peers     map[string]string `json:"peers,omitempty"` // how they run
	Cores     int               `json:"cores"`
	Go        string            `json:"go"`
	Postgres  map[string]string `json:"postgres"`
}

// Settings of the server that are reported; every run has the same.
var postgresSettings = []string{
	"server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size", "max_connections",
	"autovacuum", "random_page_cost", "wal_level", "shared_preload_libraries",
}

const settingsSQL = `
SELECT s.name, coalesce(current_setting(s.name, true), '')
  FROM unnest($1::text[]) s (name)`

// settings reads them; what the scenario does not use is 0 and not reported.
func (b *Bench) settings(ctx context.Context) (Settings, error) {
	s := Settings{
		Jobs: b.Jobs, Workers: b.Workers, Repeat: b.Repeat, Pending: b.Pending, Finished: b.Finished, Processes: b.Processes,
		Seconds: b.Idle.Seconds(), Cores: runtime.NumCPU(), Go: runtime.Version(), Peers: map[string]string{}, Postgres: map[string]string{},
	}
	if b.Jobs > 0 {
		s.SliceJobs = b.slice()
	}
	for _, name := range b.Versus {
		if p, known := peers[name]; known {
			s.Peers[name] = p.setting()
		}
	}
	rows, err := b.setup.admin().Query(ctx, settingsSQL, postgresSettings)
	if err != nil {
		return s, fmt.Errorf("read the server's settings: %w", err)
	}
	var name, value string
	_, err = pgx.ForEachRow(rows, []any{&name, &value}, func() error {
		s.Postgres[name] = value
		return nil
	})
	return s, err
}

// String lists them in one line.
func (s Settings) String() string {
	var parts []string
	for _, p := range []struct {
		name  string
		value int
	}{
		{"jobs", s.Jobs}, {"workers", s.Workers}, {"turns", s.Repeat}, {"jobs pending", s.Pending}, {"jobs finished before", s.Finished},
		{"processes", s.Processes}, {"seconds", int(s.Seconds)}, {"cores", s.Cores},
	} {
		if p.value > 0 {
			parts = append(parts, whole(float64(p.value))+" "+p.name)
		}
	}
	for _, name := range postgresSettings {
		if v := s.Postgres[name]; v != "" {
			parts = append(parts, name+" "+v)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Peers)) {
		parts = append(parts, peers[name].title+" with "+s.Peers[name])
	}
	return strings.Join(parts, ", ")
}
