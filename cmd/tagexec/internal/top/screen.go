package top

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/tagexec/tagexec/cmd/internal/listing"
)

// pause is between two looks.
const pause = 2 * time.Second

// Texts that somebody types.
type typing int

const (
	noText typing = iota
	filterText
	reasonText
)

// screen is what is shown, and what was pressed. It is a tea.Model: its methods are
// called by one goroutine; what waits for the database is in the functions that they
// return.
type screen struct {
	ctx    context.Context
	queue  asker
	actor  actor
	look   *listing.Look
	colour bool
	width  int
	height int

	shown  snapshot
	last   snapshot // the newest, which is not shown while the screen is frozen
	tab    int
	cursor int
	order  int
	filter string
	frozen bool
	help   bool
	detail *detail
	typing typing
	deed   *deed // that is being confirmed
	reason string
	note   string // what was done last
}

// looked is the answer to a look.
type looked struct{ snapshot }

// due asks for the next look.
type due struct{}

// Init begins to look.
func (s *screen) Init() tea.Cmd { return s.ask() }

// ask looks at the queue.
func (s *screen) ask() tea.Cmd {
	last := s.last
	return func() tea.Msg { return looked{takeSnapshot(s.ctx, s.queue, time.Now(), last)} }
}

// View draws the screen.
func (s *screen) View() tea.View {
	v := tea.NewView(s.draw())
	v.AltScreen, v.WindowTitle = true, "tagexec top"
	return v
}

// Update takes what was pressed, and what was answered.
func (s *screen) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch m := msg.(type) {
	case tea.WindowSizeMsg:
		s.width, s.height = m.Width, m.Height
	case tea.KeyPressMsg:
		return s, s.press(m)
	case tea.PasteMsg:
		s.typed(m.Content)
	case looked:
		s.see(m.snapshot)
		return s, tea.Tick(pause, func(time.Time) tea.Msg { return due{} })
	case due:
		if s.detail != nil {
			return s, tea.Batch(s.ask(), s.detail.ask(s))
		}
		return s, s.ask()
	case detailed:
		if s.detail != nil && s.detail.target == m.target && !s.frozen {
			s.detail.answer(m)
		}
	case done:
		s.note = m.note
		s.last = snapshot{} // what was done shows at once
		return s, s.ask()
	}
	return s, nil
}

// see takes over a snapshot. The chosen row stays chosen where it is still there, and
// what could not be asked stays as it was.
func (s *screen) see(now snapshot) {
	s.last = now
	switch {
	case s.frozen:
		return
	case now.err != nil: // what is known stays, or that nothing is
		s.shown.err = now.err
		return
	}
	chosen := s.chosen()
	s.shown = now
	if chosen == nil {
		return
	}
	for i, r := range s.rows() {
		if r.kind == chosen.kind && r.id == chosen.id && r.name == chosen.name {
			s.cursor = i
			return
		}
	}
	s.move(0)
}

// loading reports whether the queue was not seen yet.
func (s *screen) loading() bool { return s.shown.at.IsZero() }

func (s *screen) table() table { return tabs[s.tab].make(s.shown, s.look) }
func (s *screen) rows() []row  { return s.table().arranged(s.filter, s.order) }

// chosen is the row that keys act on; nil if there is none.
func (s *screen) chosen() *row {
	rows := s.rows()
	if s.cursor >= len(rows) {
		return nil
	}
	return &rows[s.cursor]
}

// move moves the cursor, as far as there are rows.
func (s *screen) move(by int) { s.cursor = max(0, min(s.cursor+by, len(s.rows())-1)) }
