package browser

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/tagexec/tagexec/store/storetest"
)

var (
	tagexec string          // the program
	browser context.Context // one for all tests; each tab has cookies of its own
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "tagexec-browser-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	tagexec = filepath.Join(dir, "tagexec")
	if out, err := exec.Command("go", "build", "-C", filepath.Join("..", "..", ".."), "-o", tagexec, "./cmd/tagexec").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build tagexec: %v\n%s", err, out)
		return 1
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.UserDataDir(filepath.Join(dir, "profile")))
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	defer cancel()
	browser, cancel = chromedp.NewContext(allocator)
	defer cancel()
	if err := chromedp.Do(browser); err != nil {
		fmt.Fprintln(os.Stderr, "start chromium, of Debian's package of this name:", err)
		return 1
	}
	return storetest.Tests{M: m}.Run()
}

// dashboard starts one on a database, and returns its address without a slash at the end.
func dashboard(t *testing.T, databaseURL string, env ...string) string {
	t.Helper()
	out := launch(t, "dashboard", append(env, "TAGEXEC_DATABASE_URL="+databaseURL)...)
	var address string
	if _, err := fmt.Fscanln(out, &address); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(address, "/")
}

// launch starts a command with a page, until the test ends, and returns what it prints.
func launch(t *testing.T, line string, env ...string) io.Reader {
	t.Helper()
	cmd := exec.Command(tagexec, strings.Fields(line)...)
	cmd.Env = append(append(os.Environ(), "TAGEXEC_HTTP_ADDR=127.0.0.1:0"), env...)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait() // which says that it was interrupted
	})
	return out
}

// tab is a tab of the browser, 1,280 wide unless a test says otherwise.
type tab struct {
	t      *testing.T
	ctx    context.Context
	close  context.CancelFunc
	opened sync.Once // the first page
	mu     sync.Mutex
	bad    []string // what the console and the policy say, which is nothing if all is well

	requests []string // if the network is enabled
	bytes    float64  // of the answers
}

// patience is how long a test waits for anything in the browser.
const patience = time.Minute

// open opens a tab. At the end of the test its console must be empty, but for lines that
// hold one of the words.
func open(t *testing.T, allowed ...string) *tab {
	t.Helper()
	b := &tab{t: t}
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext(), chromedp.WithListener(b.hear))
	b.ctx, b.close = ctx, cancel
	t.Cleanup(func() {
		cancel()
		b.mu.Lock()
		defer b.mu.Unlock()
	lines:
		for _, line := range b.bad {
			for _, word := range allowed {
				if strings.Contains(line, word) {
					continue lines
				}
			}
			t.Error(line)
		}
	})
	if err := chromedp.Do(ctx); err != nil { // the tab lives as long as this context
		t.Fatal(err)
	}
	call(b, audits.Enable, cdp.Empty{})
	b.size(1280, 900)
	return b
}

// hear notes what the browser complains of.
func (b *tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		b.bad = append(b.bad, fmt.Sprintf("console: %s %s", e.Type, e.Args[0].Value))
	case *runtime.EventExceptionThrown:
		b.bad = append(b.bad, fmt.Sprintf("exception: %+v", e.ExceptionDetails))
	case *log.EventEntryAdded:
		b.bad = append(b.bad, fmt.Sprintf("log: %s %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	case *network.EventLoadingFinished:
		b.bytes += e.EncodedDataLength
	case *audits.EventIssueAdded:
		if d := e.Issue.Details.ContentSecurityPolicyIssueDetails; d != nil {
			b.bad = append(b.bad, fmt.Sprintf("policy: %s %s", d.ViolatedDirective, d.BlockedURL))
		}
	}
}

// call sends a command of the protocol.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	result, err := chromedp.Call(ctx, command, params)
	if err != nil {
		b.t.Fatal(err)
	}
	return result
}

// do does something in the tab.
func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatalf("%v; the page is\n%s", err, b.outer())
	}
}

// outer is what the page is now, for whoever looks for what is wrong.
func (b *tab) outer() string {
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	html, err := chromedp.Run(ctx, chromedp.Evaluate[string]("document.documentElement.outerHTML"))
	if err != nil {
		return err.Error()
	}
	return html
}

func (b *tab) size(width, height int64) {
	b.t.Helper()
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 640})
}

// theme is light or dark, as the system of the browser has it.
func (b *tab) theme(name string) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}})
}

// visit opens a page. The tab is closed before whoever answers it: it asks by itself.
func (b *tab) visit(address string) {
	b.t.Helper()
	b.opened.Do(func() { b.t.Cleanup(b.close) })
	b.do(chromedp.Navigate(address))
}

// evaluate returns what an expression is in the page, also of a promise.
func evaluate[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// until waits until an expression is true in the page, or in the one that follows it.
func (b *tab) until(expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		yes, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")")) // which fails between two pages
		switch {
		case err == nil && yes:
			return
		case ctx.Err() != nil:
			b.t.Fatalf("waited in vain for %s; the page is\n%s", expression, evaluate[string](b, "document.body.innerText"))
		}
		<-tick.C
	}
}

// says waits until the page holds a text.
func (b *tab) says(text string) {
	b.t.Helper()
	b.until("document.readyState === 'complete' && document.body.innerText.includes(" + quoted(text) + ")")
}

// quoted is a text in JavaScript.
func quoted(text string) string { return string(storetest.JSON(text)) }

// link is what a page leads to.
var link = regexp.MustCompile(`href="(/[^"]*)"`)

// shape is what an address has in common with those that look the same.
func shape(path string) string {
	path, query, _ := strings.Cut(path, "?")
	values, _ := url.ParseQuery(query)
	return strings.Join([]string{named.ReplaceAllString(path, "$1"), values.Get("which"), values.Get("show"), values.Get("state")}, "?")
}

var named = regexp.MustCompile(`^(/(?:batches|jobs|tags|pools|executors)/)[^/]+`)

// pages are addresses of all pages that one comes to from the first one, one of each
// look.
func pages(t *testing.T, address string) (list []string) {
	t.Helper()
	seen, next := map[string]bool{}, []string{"/", "/none", "/doctor"}
	for len(next) > 0 {
		path := next[0]
		next = next[1:]
		key := shape(path)
		if seen[key] || strings.HasPrefix(path, "/assets/") || strings.Contains(path, "format=") || strings.Contains(path, "live=") {
			continue
		}
		seen[key] = true
		response, err := http.Get(address + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") || strings.Contains(string(body), "There is no such page") && path != "/none" {
			continue
		}
		list = append(list, path)
		for _, m := range link.FindAllStringSubmatch(string(body), -1) {
			next = append(next, strings.ReplaceAll(m[1], "&amp;", "&"))
		}
	}
	return list
}
