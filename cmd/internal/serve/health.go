package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/config"
	"github.com/tagexec/tagexec/executor"
)

const (
	defaultHTTPAddr = "127.0.0.1:8089"
	portsToTry      = 100
)

// health serves /healthz, /readyz and /metrics.
type health struct {
	server *http.Server
	done   chan struct{}
}

// listenHealth listens where the configuration says and serves until close. It
// holds as many connections as leave descriptors for jobs, and none for long:
// anyone may connect.
func listenHealth(c config.Config, e *Engine, log *slog.Logger) (*health, error) {
	listener, err := listen(c.HTTPAddr)
	if err != nil {
		return nil, cli.Usagef("%s_HTTP_ADDR: %v; it is HOST:PORT, as in %s or 0.0.0.0:8089, with a port that is free", config.Prefix, err, defaultHTTPAddr)
	}
	crowd := &crowd{Listener: listener, limit: spareConnections(c, e.Kinds, log)}
	h := &health{
		server: &http.Server{
			Handler: healthHandler(newAccess(c, listener.Addr()), e), ConnState: crowd.note, MaxHeaderBytes: 16 << 10,
			ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second,
			ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		},
		done: make(chan struct{}),
	}
	h.server.SetKeepAlivesEnabled(false) // one request each: none asks without end
	go func() {
		defer close(h.done)
		if err := h.server.Serve(crowd); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the health endpoints ended", "error", err)
		}
	}()
	here := "http://" + listener.Addr().String()
	log.Info("health endpoints", "healthz", here+"/healthz", "readyz", here+"/readyz", "metrics", here+"/metrics")
	return h, nil
}

func (h *health) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if h.server.Shutdown(ctx) != nil {
		h.server.Close()
	}
	<-h.done
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

// healthHandler answers /healthz and /readyz to anyone; /readyz also says what the
// executor cannot use. / shows counts and /metrics the numbers for Prometheus, to
// those who may.
func healthHandler(a access, e *Engine) http.Handler {
	mux, pool := http.NewServeMux(), e.Pool
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		code, state := http.StatusOK, map[string]any{"status": "ready"}
		if reason := pool.NotReady(); reason != "" {
			code, state = http.StatusServiceUnavailable, map[string]any{"status": "not ready", "reason": reason}
		}
		if list := unavailable(pool); len(list) > 0 {
			state["unavailable"] = list
		}
		answer(w, code, state)
	})
	mux.Handle("GET /{$}", a.toAll(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, pool.Stats())
	})))
	mux.Handle("GET /metrics", a.toMetrics(e.Metrics.Handler()))
	return mux
}

// unavailable lists what the executor cannot use, for people.
func unavailable(pool *executor.Pool) (list []map[string]any) {
	for _, u := range pool.Unavailable() {
		list = append(list, map[string]any{"kind": u.Kind, "resource": u.Name, "since": u.Since.UTC().Format(time.RFC3339), "error": u.Error})
	}
	return list
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // the reader may be gone
}
