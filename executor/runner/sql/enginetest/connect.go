package enginetest

import (
	"errors"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner"
)

// connectLimit is within which time a job hears that there is no connection: that of
// connect_timeout by default, and a margin.
const connectLimit = 15 * time.Second

func noConnection(s *suite) {
	if !s.AnyLogin {
		s.hasNoConnection("a wrong password", s.with(func(u *url.URL) { u.User = url.UserPassword(u.User.Username(), "wr0ng-Passw0rd") }))
	}
	for name, where := range map[string]string{
		"a closed port":                     s.with(func(u *url.URL) { u.Host = FreeAddress(s) }),
		"an unknown host":                   s.with(func(u *url.URL) { u.Host = net.JoinHostPort("no-such-host.invalid", u.Port()) }),
		"TLS that cannot come about":        s.WrongTLS,
		"a port that speaks something else": s.with(func(u *url.URL) { u.Host = s.greeter("SSH-2.0-OpenSSH_9.2\r\n", false) }),
		"a port that hangs up":              s.with(func(u *url.URL) { u.Host = s.greeter("", false) }),
		"a port that says nothing": s.with(func(u *url.URL) {
			u.Host = s.greeter("", true)
			withTimeout("2")(u)
		}),
	} {
		s.hasNoConnection(name, where)
	}
	s.redirect()
	for _, malformed := range s.Malformed {
		_, err := runner.NewSQL(s.Context(), map[string]string{"tags": malformed}, runner.SQLOptions{})
		if err == nil {
			s.Error("a URL that is wrong was taken") // it holds the password
			continue
		}
		s.tellsNothing("a malformed URL", err.Error(), malformed)
		s.Logf("malformed: %v", err)
	}
}

// with returns the URL of the source, changed.
func (s *suite) with(change func(*url.URL)) string {
	s.Helper()
	u, err := url.Parse(s.URL)
	if err != nil {
		s.Fatal("the URL of the fixture is none")
	}
	change(u)
	return u.String()
}

// withTimeout sets within how many seconds there must be a connection.
func withTimeout(seconds string) func(*url.URL) {
	return func(u *url.URL) {
		q := u.Query()
		q.Set("connect_timeout", seconds)
		u.RawQuery = q.Encode()
	}
}

// hasNoConnection checks that a job on a source that cannot be used counts no attempt,
// and is told why in words for everybody.
func (s *suite) hasNoConnection(name, where string) {
	s.Helper()
	r := s.newRunner(where, 1)
	began := time.Now()
	report, err := s.start(r, s.payload(s.SQL.Insert(1))).result(connectLimit)
	var unavailable *executor.Unavailable
	if !errors.As(err, &unavailable) {
		s.Errorf("%s: got %v, want that the source is unavailable", name, err)
		return
	}
	f := s.failure(err)
	if f.Permanent {
		s.Errorf("%s: %v is permanent", name, f)
	}
	probed := r.Probe(s.Context(), r.Resources()[0])
	if probed == nil {
		s.Errorf("%s: the probe finds nothing wrong", name)
		return
	}
	s.tellsNothing(name, err.Error()+f.Message+report.Output+probed.Error(), where)
	s.Logf("%s, after %s: %v", name, time.Since(began).Round(time.Millisecond), f)
}

// result waits for the end of the job, and returns what it left.
func (r *running) result(limit time.Duration) (executor.Report, error) {
	r.s.Helper()
	err := r.within(limit)
	return r.report, err
}

// tellsNothing checks that a text, and the log so far, hold no part of the login, and
// not where the source is.
func (s *suite) tellsNothing(name, text, where string) {
	s.Helper()
	user, password := s.login()
	parts := map[string]string{"user": user, "password": password, "wrong password": "wr0ng-Passw0rd"}
	if u, err := url.Parse(where); err == nil {
		parts["host and port"], parts["port"] = u.Host, ":"+u.Port()
	}
	text += s.log.String()
	for what, part := range parts {
		if len(part) > 1 && strings.Contains(text, part) {
			s.Errorf("%s: the %s is told: %s", name, what, text)
		}
	}
}

// redirect checks that a server which sends its clients elsewhere is not followed, and
// that the login does not go there.
func (s *suite) redirect() {
	followed := &atomic.Bool{}
	elsewhere := s.listen(func(conn net.Conn) { followed.Store(true) })
	s.hasNoConnection("a redirect", s.with(func(u *url.URL) {
		u.Host = s.greeter("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://"+elsewhere+"/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", false)
	}))
	if followed.Load() {
		s.Error("a redirect was followed")
	}
}

// greeter returns the address of a server that takes what a client says first,
// answers with a text, and hangs up; or stays.
func (s *suite) greeter(text string, stays bool) string {
	s.Helper()
	over := s.Context().Done()
	return s.listen(func(conn net.Conn) {
		_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)) // some protocols let the server speak first
		_, _ = conn.Read(make([]byte, 64<<10))
		_, _ = conn.Write([]byte(text))
		if stays {
			<-over
		}
	})
}

// listen returns the address of a server that serves its clients until the case ends.
func (s *suite) listen(serve func(net.Conn)) string {
	s.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	return l.Addr().String()
}
