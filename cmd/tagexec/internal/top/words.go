package top

import "strconv"

// thousands is a number as people read it.
func thousands(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// capped is a count that ends at most, with a sign that there are more.
func capped(n, most int) string {
	if n > most {
		return thousands(most) + "+"
	}
	return thousands(n)
}
