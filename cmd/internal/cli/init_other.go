//go:build !linux

package cli

// asInit does nothing here: there are no containers with a process 1 of ours.
func asInit() (code int, isInit bool) { return 0, false }
