package demo

import (
	"encoding/json"
	"net/http"
	"sync"
)

// PublishPath is where [Endpoint] takes a tag.
const PublishPath = "/publish"

// refusedDate is the business date whose first call is turned away, so that the history shows one failed attempt
// and the retry that succeeded.
const refusedDate = "1997-03-31"

// maxPublication bounds the body that the endpoint reads, in bytes.
const maxPublication = 64 << 10

// A publication is the body of a call to the endpoint.
type publication struct {
	BizDate string `json:"biz_date"`
	Tag     string `json:"tag"`
}

// A receipt is the answer to a call, the same each time for the same Idempotency-Key.
type receipt struct {
	BizDate     string `json:"biz_date"`
	Tag         string `json:"tag"`
	Publication int    `json:"publication"`
}

// Endpoint returns a stand-in for the system that tags are handed to, such as a campaign tool: it takes a
// publication once per Idempotency-Key. To one call in its life, the first for the third business date, it answers
// 503 with Retry-After.
func Endpoint() http.Handler {
	e := &endpoint{receipts: map[string]receipt{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+PublishPath, e.publish)
	return mux
}

type endpoint struct {
	mu       sync.Mutex
	receipts map[string]receipt
	refused  bool
}

func (e *endpoint) publish(w http.ResponseWriter, r *http.Request) {
	key := r.Header.Get("Idempotency-Key")
	if key == "" {
		http.Error(w, "the header Idempotency-Key is missing", http.StatusBadRequest)
		return
	}
	var p publication
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxPublication)).Decode(&p); err != nil {
		http.Error(w, "the body is no publication: "+err.Error(), http.StatusBadRequest)
		return
	}
	if p.BizDate == "" || p.Tag == "" {
		http.Error(w, "biz_date and tag are needed", http.StatusBadRequest)
		return
	}
	if e.refuse(p) {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "busy with another publication, try again", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// The only error is a client that went away, and it will call again with its key.
	_ = json.NewEncoder(w).Encode(e.accept(key, p))
}

func (e *endpoint) refuse(p publication) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.refused || p.BizDate != refusedDate {
		return false
	}
	e.refused = true
	return true
}

func (e *endpoint) accept(key string, p publication) receipt {
	e.mu.Lock()
	defer e.mu.Unlock()
	if seen, ok := e.receipts[key]; ok {
		return seen
	}
	taken := receipt{BizDate: p.BizDate, Tag: p.Tag, Publication: len(e.receipts) + 1}
	e.receipts[key] = taken
	return taken
}
