//go:build !linux

package shield

// Descriptors does nothing here.
func Descriptors() {}

// Environment does nothing here: the kernel shows it to its user.
func Environment() {}

// Memory does nothing here.
func Memory() {}
