package config

import (
	"errors"
	"strconv"
)

// Number is a variable that counts.
type Number int

// Decode reads digits as people do: 010 is ten.
func (n *Number) Decode(value string) error {
	parsed, err := strconv.Atoi(value)
	if errors.Is(err, strconv.ErrRange) {
		return errors.New("is too large")
	}
	if err != nil {
		return errors.New("must be a whole number")
	}
	*n = Number(parsed)
	return nil
}
