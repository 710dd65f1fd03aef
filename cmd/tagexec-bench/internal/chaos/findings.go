package chaos

import (
	"fmt"
	"sync"
)

// Finding is a promise that was broken.
type Finding struct {
	Rule   string `json:"rule"`
	Detail string `json:"detail"`
}

// findings are all of them, each once.
type findings struct {
	mu   sync.Mutex
	list []Finding
	seen map[Finding]bool
}

func (f *findings) add(rule, format string, args ...any) {
	found := Finding{rule, fmt.Sprintf(format, args...)}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen[found] {
		return
	}
	if f.seen == nil {
		f.seen = map[Finding]bool{}
	}
	f.seen[found] = true
	f.list = append(f.list, found)
}

// count returns how many broke one of these rules.
func (f *findings) count(rules ...string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, found := range f.list {
		for _, rule := range rules {
			if found.Rule == rule {
				n++
			}
		}
	}
	return n
}
