//go:build unix && !linux

package runner

// readOnlyMount is not known here: what is mounted read-only is looked at like
// the rest.
func readOnlyMount(string) bool { return false }
