package enginetest

import (
	"log/slog"
	"net/url"
	"strings"
	"sync"
)

// logged is what a runner's log was told.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// Write is called by the logger.
func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String is all that was told.
func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// login is what the URL of the source holds that nobody may read.
func (s *suite) login() (user, password string) {
	s.Helper()
	u, err := url.Parse(s.URL)
	if err != nil {
		s.Fatal("the URL of the fixture is none")
	}
	password, _ = u.User.Password()
	return u.User.Username(), password
}

// noSecretLogged checks the log of the case.
func (s *suite) noSecretLogged() {
	s.Helper()
	if _, password := s.login(); password != "" && strings.Contains(s.log.String(), password) {
		s.Errorf("the log holds the password:\n%s", s.log)
	}
}
