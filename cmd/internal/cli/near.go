package cli

import (
	"strings"
	"unicode/utf8"
)

// Near returns those of the names that were probably meant by what was typed: those of the
// fewest wrong letters, one in three at most, else those that begin so.
func Near(typed string, names []string) []string {
	typed = strings.ToLower(typed)
	letters := utf8.RuneCountInString(typed)
	fewest := min(max(1, letters/3), 3)
	var near, longer []string
	for _, name := range names {
		lower := strings.ToLower(name)
		switch wrong := wrongLetters(typed, lower); {
		case letters < 2:
		case wrong < fewest:
			near, fewest = []string{name}, wrong
		case wrong == fewest:
			near = append(near, name)
		case strings.HasPrefix(lower, typed):
			longer = append(longer, name)
		}
	}
	if len(near) == 0 {
		return longer
	}
	return near
}

// mostLetters of two names are compared: it takes as much time as their product.
const mostLetters = 200

// wrongLetters counts the letters to be added, left out, replaced or swapped with the next
// to make one word of another.
func wrongLetters(from, to string) int {
	a, b := []rune(from), []rune(to)
	a, b = a[:min(len(a), mostLetters)], b[:min(len(b), mostLetters)]
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range a {
		now := make([]int, len(b)+1)
		now[0] = i + 1
		for j := range b {
			replaced := last[j]
			if a[i] != b[j] {
				replaced++
			}
			now[j+1] = min(replaced, last[j+1]+1, now[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				now[j+1] = min(now[j+1], before[j-1]+1)
			}
		}
		before, last = last, now
	}
	return last[len(b)]
}

// DidYouMean asks for those of the names that were probably meant; "" if none was.
func DidYouMean(typed string, names []string) string {
	return AskFor(Near(typed, names))
}

// AskFor asks whether one of the names was meant; "" if there are none.
func AskFor(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(names, " or ") + "?"
}
