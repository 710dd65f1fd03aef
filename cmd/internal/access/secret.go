package access

import (
	"crypto/sha256"
	"crypto/subtle"
)

// same compares secrets in a time that tells neither where they differ nor how long
// they are.
func same(given, want string) bool {
	g, w := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(g[:], w[:]) == 1
}
