package runner

import "golang.org/x/sys/unix"

// readOnlyMount reports whether nobody can write where path is.
func readOnlyMount(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && st.Flags&unix.ST_RDONLY != 0
}
