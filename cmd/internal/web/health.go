package web

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/tagexec/tagexec/store"
)

// Health is how an executor is.
type Health interface {
	NotReady() string // why it can run no job; "" if it can
	Unavailable() []store.Unavailable
}

// healthz answers while the process lives.
func healthz(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{"status": "ok"})
}

// readyz says whether jobs can be run, and what the executor cannot use. A process that
// runs none is ready.
func readyz(health Health) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		code, state := http.StatusOK, map[string]any{"status": "ready"}
		if health != nil {
			if reason := health.NotReady(); reason != "" {
				code, state = http.StatusServiceUnavailable, map[string]any{"status": "not ready", "reason": reason}
			}
			if list := unavailable(health); len(list) > 0 {
				state["unavailable"] = list
			}
		}
		answer(w, code, state)
	}
}

// unavailable lists what the executor cannot use, for people.
func unavailable(health Health) (list []map[string]any) {
	for _, u := range health.Unavailable() {
		list = append(list, map[string]any{"kind": u.Kind, "resource": u.Name, "since": u.Since.UTC().Format(time.RFC3339), "error": u.Error})
	}
	return list
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // the reader may be gone
}
