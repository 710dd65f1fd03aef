package devpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"reflect"
	"sync"
	"time"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

const downloadTimeout = 10 * time.Minute

// repository is where the library downloads from when it is not told
// otherwise. It offers no way to ask.
func repository() string {
	return reflect.ValueOf(embeddedpostgres.DefaultConfig()).FieldByName("binaryRepositoryURL").String()
}

// relay stands between the library and Maven Central: the library's downloads cannot be cancelled, do not say why they failed and
// go without their checksum if that cannot be had.
type relay struct {
	url    string
	server *http.Server
	client *http.Client
	ctx    context.Context
	done   chan struct{}

	mu  sync.Mutex // guards err
	err error
}

func startRelay(ctx context.Context) (*relay, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &relay{
		url:    "http://" + listener.Addr().String(),
		client: &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone(), Timeout: downloadTimeout},
		ctx:    ctx,
		done:   make(chan struct{}),
	}
	r.server = &http.Server{Handler: r, ErrorLog: log.New(io.Discard, "", 0)}
	go func() {
		defer close(r.done)
		_ = r.server.Serve(listener) // ends by stop
	}()
	return r, nil
}

func (r *relay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := r.get(repository() + req.URL.Path)
	if err != nil {
		r.mu.Lock()
		r.err = errors.Join(r.err, err)
		r.mu.Unlock()
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	_, _ = w.Write(body) // the library sees what it did not get
}

func (r *relay) get(url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(r.ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	return io.ReadAll(resp.Body)
}

// stop returns what went wrong on the way to Maven Central.
func (r *relay) stop() error {
	err := r.server.Close()
	<-r.done
	r.client.CloseIdleConnections()
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(r.err, err)
}
