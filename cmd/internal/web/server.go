package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/access"
	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/config"
	"github.com/tagexec/tagexec/cmd/internal/page"
	"github.com/tagexec/tagexec/cmd/internal/version"
)

const (
	defaultHTTPAddr = "127.0.0.1:8089"
	portsToTry      = 100
)

// Config says what is served. The address, the logins and the database are those of the
// configuration.
type Config struct {
	config.Config
	Free        access.Level // what whoever is on this host may do where there is no login
	Health      Health       // of the executor; nil: the process runs no jobs
	Metrics     http.Handler // nil: there are none
	Connections int          // at the same time
	Log         *slog.Logger
}

// Server serves until Close.
type Server struct {
	page   *page.Page
	server *http.Server
	url    string
	done   chan struct{}
}

// Listen listens where the configuration says. None of its connections stays for long:
// anyone may connect.
func Listen(c Config) (*Server, error) {
	listener, err := listen(c.HTTPAddr)
	if err != nil {
		return nil, cli.Usagef("%s_HTTP_ADDR: %v; it is HOST:PORT, as in %s or 0.0.0.0:8089, with a port that is free", config.Prefix, err, defaultHTTPAddr)
	}
	pages, err := page.New(page.Config{
		DatabaseURL: cmp.Or(c.UI.DatabaseURL, c.DatabaseURL), BasePath: c.UI.BasePath, URL: c.UI.URL, Version: version.String(), Log: c.Log,
	})
	if err != nil {
		listener.Close()
		return nil, cli.Usagef("the page: %v", err)
	}
	crowd := &crowd{Listener: listener, limit: c.Connections}
	s := &Server{
		page: pages, url: "http://" + listener.Addr().String(),
		server: &http.Server{
			Handler: handler(access.New(c.Config, listener.Addr(), c.Free), c, pages), ConnState: crowd.note, MaxHeaderBytes: 16 << 10,
			ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
			ErrorLog: slog.NewLogLogger(c.Log.Handler(), slog.LevelWarn),
		},
		done: make(chan struct{}),
	}
	s.server.SetKeepAlivesEnabled(false) // one request each: none asks without end
	go func() {
		defer close(s.done)
		if err := s.server.Serve(crowd); !errors.Is(err, http.ErrServerClosed) {
			c.Log.Error("the page and the health endpoints ended", "error", err)
		}
	}()
	c.Log.Info("health endpoints", "healthz", s.url+"/healthz", "readyz", s.url+"/readyz", "metrics", s.url+"/metrics", "page", s.PageURL())
	return s, nil
}

// PageURL is the address of the page on this host.
func (s *Server) PageURL() string { return s.url + s.page.Root() }

// Close ends what is served, after a moment for requests under way.
func (s *Server) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if s.server.Shutdown(ctx) != nil {
		s.server.Close()
	}
	<-s.done
	s.page.Close()
}

// listen listens on address; only the default falls to the next free port, so
// that several executors start on one host without being told.
func listen(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err == nil || address != defaultHTTPAddr {
		return listener, err
	}
	host, port, _ := net.SplitHostPort(address)
	first, _ := strconv.Atoi(port)
	for p := first + 1; p < first+portsToTry; p++ {
		if next, nextErr := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(p))); nextErr == nil {
			return next, nil
		}
	}
	return nil, fmt.Errorf("%w, nor are the %d ports after it", err, portsToTry-1)
}

// handler answers /healthz and /readyz to anyone, and the page and /metrics to those who
// may.
func handler(a access.Access, c Config, pages *page.Page) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", healthz)
	mux.HandleFunc("GET /readyz", readyz(c.Health))
	if c.Metrics != nil {
		mux.Handle("GET /metrics", a.ToMetrics(c.Metrics))
	}
	mux.Handle(pages.Root(), a.ToPage(pages))
	return mux
}
