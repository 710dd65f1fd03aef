package listing

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"time"
	_ "time/tzdata" // so that --tz means the same on a machine without a list of zones
)

// zoneOfMachine returns the name of this machine's time zone, by which a server knows
// it too; UTC if it has none.
func zoneOfMachine() string {
	name, set := os.LookupEnv("TZ")
	if name = strings.TrimPrefix(name, ":"); !set {
		file, err := filepath.EvalSymlinks("/etc/localtime")
		if _, after, ok := strings.Cut(file, "/zoneinfo/"); err == nil && ok {
			name = after
		}
	}
	if _, err := time.LoadLocation(name); err != nil {
		return "UTC"
	}
	return cmp.Or(name, "UTC")
}
