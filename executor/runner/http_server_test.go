package runner_test

import (
	"bufio"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
)

// rawServer is a server whose answers are bytes, as no HTTP library writes them.
type rawServer struct {
	url      string
	requests atomic.Int32
}

// serveRaw starts a server that reads the head of each request and hands the
// connection on, with how many requests it has had. It is closed afterwards,
// unless another request is wanted.
func serveRaw(t testing.TB, answer func(conn net.Conn, r *http.Request, nth int) (again bool)) *rawServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &rawServer{url: "http://" + l.Addr().String()}
	var (
		work  sync.WaitGroup
		mu    sync.Mutex
		conns []net.Conn
	)
	serve := func(conn net.Conn) {
		defer func() { _ = conn.Close() }()
		requests := bufio.NewReader(conn)
		for nth := 1; ; nth++ {
			r, err := http.ReadRequest(requests)
			if err != nil {
				return
			}
			s.requests.Add(1)
			if !answer(conn, r, nth) {
				return
			}
		}
	}
	work.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
			work.Go(func() { serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, conn := range conns {
			_ = conn.Close()
		}
		mu.Unlock()
		work.Wait()
	})
	return s
}

// says answers with bytes and closes the connection.
func says(text string) func(net.Conn, *http.Request, int) bool {
	return func(conn net.Conn, _ *http.Request, _ int) bool {
		_, _ = conn.Write([]byte(text))
		return false
	}
}
