package listing

import (
	"fmt"
	"io"
	"math"
	"time"
)

// Look is how things look to a person.
type Look struct {
	Zone *time.Location // in which times and days are shown

	out    io.Writer // takes colours: what goes there is printable
	now    time.Time
	width  int // of the terminal; 0: there is none
	colour bool
}

// Width is how many columns there are; 80 where nobody looks.
func (l *Look) Width() int {
	if l.width == 0 {
		return 80
	}
	return l.width
}

// Coloured reports whether there are colours.
func (l *Look) Coloured() bool { return l.colour }

// Now is when the command began.
func (l *Look) Now() time.Time { return l.now }

// Time shows a time as briefly as it can be told on this day.
func (l *Look) Time(t time.Time) string {
	t, now := t.In(l.Zone), l.now.In(l.Zone)
	switch {
	case t.Format(time.DateOnly) == now.Format(time.DateOnly):
		return t.Format(time.TimeOnly)
	case t.Sub(now).Abs() < 300*24*time.Hour:
		return t.Format("Jan _2 15:04")
	}
	return t.Format("2006-01-02")
}

// Clock is Time without seconds, for a sentence.
func (l *Look) Clock(t time.Time) string {
	if local := t.In(l.Zone); local.Format(time.DateOnly) == l.now.In(l.Zone).Format(time.DateOnly) {
		return local.Format("15:04")
	}
	return l.Time(t)
}

// Seconds shows a duration in at most two units.
func Seconds(s float64) string {
	sign := ""
	if s < 0 {
		sign, s = "-", -s
	}
	whole := int64(math.Round(s))
	switch {
	case s < 0.9995:
		return fmt.Sprintf("%s%.0f ms", sign, s*1000)
	case s < 9.95:
		return fmt.Sprintf("%s%.1f s", sign, s)
	case whole < 60:
		return fmt.Sprintf("%s%d s", sign, whole)
	case whole < 3600:
		return fmt.Sprintf("%s%d m %02d s", sign, whole/60, whole%60)
	case whole < 86400:
		return fmt.Sprintf("%s%d h %02d m", sign, whole/3600, whole%3600/60)
	}
	return fmt.Sprintf("%s%d d %02d h", sign, whole/86400, whole%86400/3600)
}

const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

// colours of words that tell how something is; the word tells it too.
var colourOf = map[string]string{
	"succeeded": green, "running": cyan, "cancelled": dim, "interrupted": yellow,
	"failed": red, "timed_out": red, "lost": red, "paused": yellow, "late": red, "done": green, "open": cyan,
}

// paint colours a text by the word that it shows.
func (l *Look) paint(word, text string) string { return l.in(colourOf[word], text) }

func (l *Look) in(colour, text string) string {
	if !l.colour || colour == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}
