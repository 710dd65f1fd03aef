package devpg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// oldest is the first PostgreSQL version that tagexec works with.
const oldest = 14

// binaries is a directory with initdb and postgres.
type binaries struct {
	dir     string
	version string
	major   int
}

func (b binaries) initdb() string   { return filepath.Join(b.dir, "initdb") }
func (b binaries) postgres() string { return filepath.Join(b.dir, "postgres") }
func (b binaries) String() string   { return fmt.Sprintf("%s (%s)", b.version, b.dir) }

// finder knows where binaries may be.
type finder struct {
	programs []string // looked up in PATH; the binaries are beside them
	patterns []string // of directories
	caches   []string // for downloads; the first one that can be used is

	repository string // base URL of the Maven repository to download from
}

func usualPlaces() *finder {
	return &finder{
		programs: []string{"initdb", "postgres", "pg_config"},
		patterns: []string{
			"/usr/lib/postgresql/*/bin",       // Debian
			"/usr/pgsql-*/bin",                // postgresql.org for Red Hat
			"/usr/libexec/postgresql*",        // Alpine
			"/usr/local/pgsql/bin",            // built from source
			"/opt/homebrew/opt/postgres*/bin", // macOS
			"/usr/local/opt/postgres*/bin",
		},
		caches:     cacheDirectories(),
		repository: mavenCentral,
	}
}

// find returns installed binaries that the account can run, else downloaded ones. major 0: any version that is new enough.
func (f *finder) find(ctx context.Context, a account, major int, log func(string, ...any)) (binaries, error) {
	var passed []string
	for dir := range f.installed(ctx) {
		b, err := probe(ctx, a, dir)
		switch {
		case errors.Is(err, os.ErrNotExist):
		case err != nil:
			passed = append(passed, fmt.Sprintf("%s: %v", dir, err))
		case major == 0 && b.major < oldest, major != 0 && b.major != major:
			passed = append(passed, b.String())
		default:
			return b, nil
		}
		if err := ctx.Err(); err != nil {
			return binaries{}, context.Cause(ctx)
		}
	}
	b, err := f.downloaded(ctx, a, major, log)
	if err == nil || ctx.Err() != nil {
		return b, err
	}
	if major == 0 {
		err = fmt.Errorf("PostgreSQL %d or newer is not installed: %w", oldest, err)
	} else {
		err = fmt.Errorf("PostgreSQL %d is not installed: %w", major, err)
	}
	if len(passed) > 0 {
		err = fmt.Errorf("%w; installed, but of no use here: %s", err, strings.Join(slices.Compact(passed), ", "))
	}
	return binaries{}, fmt.Errorf("%w. Install it, or set HTTPS_PROXY if downloads need a proxy", err)
}

// installed yields directories that may hold binaries, best first.
func (f *finder) installed(ctx context.Context) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, program := range f.programs {
			if dir := beside(ctx, program); dir != "" && !yield(dir) {
				return
			}
		}
		for _, pattern := range f.patterns {
			dirs, _ := filepath.Glob(pattern) // fails only for a bad pattern
			slices.SortFunc(dirs, func(a, b string) int { return cmp.Compare(firstNumber(b), firstNumber(a)) })
			for _, dir := range dirs {
				if !yield(dir) {
					return
				}
			}
		}
	}
}

// beside returns the directory of a program in PATH, links resolved: PostgreSQL finds its other files from there. pg_config
// is asked.
func beside(ctx context.Context, program string) string {
	path, err := exec.LookPath(program)
	if err != nil {
		return ""
	}
	if program == "pg_config" {
		out, _ := exec.CommandContext(ctx, path, "--bindir").Output()
		return strings.TrimSpace(string(out))
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return ""
	}
	if path, err = filepath.Abs(path); err != nil {
		return ""
	}
	return filepath.Dir(path)
}

var numbers = regexp.MustCompile(`[0-9]+`)

func firstNumber(s string) int {
	n, _ := strconv.Atoi(numbers.FindString(s))
	return n
}

// probe asks the binaries in dir for their version, as the account that will run them. os.ErrNotExist: there are none.
func probe(ctx context.Context, a account, dir string) (binaries, error) {
	b := binaries{dir: dir}
	for _, path := range []string{b.initdb(), b.postgres()} {
		if _, err := os.Stat(path); err != nil {
			return b, err
		}
	}
	if ctx.Err() != nil { // a process this short may have ended before its wait sees the end of ctx
		return b, context.Cause(ctx)
	}
	var output tail
	cmd := a.command(b.postgres(), "--version")
	cmd.Stdout, cmd.Stderr = &output, &output
	p, err := startProcess(cmd)
	if err == nil {
		err = p.wait(ctx)
	}
	if err != nil {
		return b, fmt.Errorf("the user %s cannot run it: %w %s", a, err, output)
	}
	_, version, _ := strings.Cut(string(output), "(PostgreSQL) ")
	b.version, _, _ = strings.Cut(strings.TrimSpace(version), " ")
	b.major = firstNumber(b.version)
	return b, nil
}
