package top

import (
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"github.com/tagexec/tagexec/cmd/internal/cli"
)

// press acts on a key.
func (s *screen) press(key tea.KeyPressMsg) tea.Cmd {
	name := key.String()
	if name == "ctrl+c" {
		return tea.Quit
	}
	if s.typing != noText {
		return s.pressTyping(name, key.Text)
	}
	s.note = ""
	switch name {
	case "q":
		return tea.Quit
	case "?":
		s.help = !s.help
	case "esc":
		switch {
		case s.help:
			s.help = false
		case s.detail != nil:
			s.detail = nil
		default:
			s.filter, s.cursor = "", 0
		}
	case "1", "2", "3", "4", "5":
		s.choose(int(name[0] - '1'))
	case "tab":
		s.choose((s.tab + 1) % len(tabs))
	case "shift+tab":
		s.choose((s.tab + len(tabs) - 1) % len(tabs))
	case "j", "down":
		s.scroll(1)
	case "k", "up":
		s.scroll(-1)
	case "pgdown":
		s.scroll(max(1, s.height-6))
	case "pgup":
		s.scroll(-max(1, s.height-6))
	case "g", "home":
		s.scroll(-1 << 20)
	case "G", "end":
		s.scroll(1 << 20)
	case "s":
		s.order = (s.order + 1) % len(s.table().orders)
		s.cursor = 0
	case "space":
		s.frozen = !s.frozen
	case "/":
		s.detail, s.typing = nil, filterText
	case "enter", "e":
		return s.open()
	case "c", "r", "p", "d":
		return s.plan(name)
	}
	return nil
}

// choose shows another tab.
func (s *screen) choose(tab int) {
	s.tab, s.cursor, s.order, s.detail, s.help = tab, 0, 0, nil, false
}

// scroll moves the cursor, or the text of a detail.
func (s *screen) scroll(by int) {
	if s.detail != nil {
		s.detail.scroll(by)
		return
	}
	s.move(by)
}

// pressTyping takes a key while a text is typed.
func (s *screen) pressTyping(name, text string) tea.Cmd {
	switch name {
	case "esc":
		if s.typing == filterText {
			s.filter = ""
		}
		s.typing, s.deed, s.reason = noText, nil, ""
		s.cursor = 0
	case "enter":
		was := s.typing
		s.typing = noText
		if was == reasonText {
			return s.do()
		}
		s.cursor = 0
	case "backspace":
		s.edit(func(t string) string {
			_, size := utf8.DecodeLastRuneInString(t)
			return t[:len(t)-size]
		})
	case "ctrl+u":
		s.edit(func(string) string { return "" })
	default:
		s.typed(text)
	}
	return nil
}

// typed appends to the text that is typed.
func (s *screen) typed(text string) {
	s.edit(func(t string) string { return t + cli.Printable(text) })
}

// edit changes the text that is typed.
func (s *screen) edit(change func(string) string) {
	switch s.typing {
	case filterText:
		s.filter, s.cursor = change(s.filter), 0
	case reasonText:
		s.reason = change(s.reason)
	}
}
