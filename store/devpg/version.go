package devpg

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
)

// VersionVariable is the environment variable that chooses the major version of the server. Where it is not set, Start takes
// the first installed version that is new enough, else it downloads one.
const VersionVariable = "TAGEXEC_POSTGRES_VERSION"

// ParseVersion reads a value of VersionVariable as a major version. An empty value chooses none and gives 0.
func ParseVersion(value string) (major int, err error) {
	if value == "" {
		return 0, nil
	}
	var allowed []string
	for _, major := range slices.Sorted(maps.Keys(downloads)) {
		if allowed = append(allowed, strconv.Itoa(major)); allowed[len(allowed)-1] == value {
			return major, nil
		}
	}
	return 0, fmt.Errorf("%s is %q: must be one of %s", VersionVariable, value, strings.Join(allowed, ", "))
}

// findBinaries finds binaries of the version that the data has or, for new data, that was chosen.
func (s *Server) findBinaries(ctx context.Context) (binaries, error) {
	chosen, err := ParseVersion(os.Getenv(VersionVariable))
	if err != nil {
		return binaries{}, err
	}
	data := s.dir.major()
	var reason string
	switch {
	case data != 0 && chosen != 0 && data != chosen:
		return binaries{}, fmt.Errorf("the data is of PostgreSQL %d, but %s is %d: unset it, or choose another directory", data, VersionVariable, chosen)
	case data != 0:
		reason = fmt.Sprintf("the data is of PostgreSQL %d: ", data)
	case chosen != 0:
		reason = fmt.Sprintf("%s is %d: ", VersionVariable, chosen)
	}
	b, err := s.options.binaries.find(ctx, s.account, max(data, chosen), s.options.Log)
	if err != nil {
		return binaries{}, fmt.Errorf("%s%w", reason, err)
	}
	return b, nil
}
