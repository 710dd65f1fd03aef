// Package version names the release or the commit that was built.
package version

import "runtime/debug"

// release is set when a release is built, with
// -ldflags "-X github.com/tagexec/tagexec/cmd/internal/version.release=…".
var release = ""

// String is the version of a release, else the commit it was built from.
func String() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return "commit " + s.Value[:min(12, len(s.Value))]
		}
	}
	return info.Main.Version
}
