package executor

import (
	"unicode/utf8"

	"github.com/tagexec/tagexec/store"
)

// maxHeld is how much of an output may wait for the end of what may be a password,
// in bytes. Where it is more nothing further is shown.
const maxHeld = 16 << 10

// liveText is an output on its way to who watches it: read up to offset, cleaned, held
// until it is certain where a password ends, and ready to be shown. It is used by one
// goroutine.
type liveText struct {
	offset int64  // of the output
	begun  []byte // first bytes of a rune
	held   string
	ready  string
	next   int   // length of the chunk that ready begins with, once it was asked for
	shown  int64 // bytes of text
	over   bool  // nothing more is shown
}

// wants reports whether more of the output is to be read.
func (t *liveText) wants() bool { return !t.over && len(t.ready) < store.MaxLiveChunk }

// add takes a piece of the output, which ends before next.
func (t *liveText) add(piece []byte, next int64) {
	if t.over || next <= t.offset {
		return
	}
	t.offset = next
	piece = append(t.begun, piece...)
	whole := wholeRunes(piece)
	t.begun = append([]byte(nil), piece[whole:]...)
	t.held += cleanText(string(piece[:whole]))
	n := maskable(t.held)
	t.ready += maskAll(t.held[:n])
	t.held = t.held[n:]
	t.over = len(t.held) > maxHeld
}

// chunk returns what is to be shown next: the same until it was sent, because it may
// have been shown although nobody was told.
func (t *liveText) chunk() string {
	if t.next == 0 {
		t.next = len(t.ready)
		if limit := min(store.MaxLiveChunk, int(store.MaxLiveOutput-t.shown)); t.next > limit {
			t.next = runeStart(t.ready, limit)
		}
	}
	return t.ready[:t.next]
}

// printed returns how much the job had printed where the chunk ends: exactly, unless
// what waits behind it was changed by cleaning.
func (t *liveText) printed() int64 {
	return max(0, t.offset-int64(len(t.begun)+len(t.held)+len(t.ready)-t.next))
}

// sent notes that the chunk was shown.
func (t *liveText) sent() {
	t.shown += int64(t.next)
	t.ready, t.next = t.ready[t.next:], 0
	if t.shown > store.MaxLiveOutput-utf8.UTFMax {
		t.end()
	}
}

// end keeps anything more from being shown.
func (t *liveText) end() { t.over, t.held, t.ready, t.next = true, "", "", 0 }

// wholeRunes returns the length of text without a rune at its end whose last bytes are
// missing.
func wholeRunes(text []byte) int {
	for at := len(text) - 1; at >= 0 && at > len(text)-utf8.UTFMax; at-- {
		if utf8.RuneStart(text[at]) {
			if !utf8.FullRune(text[at:]) {
				return at
			}
			break
		}
	}
	return len(text)
}
