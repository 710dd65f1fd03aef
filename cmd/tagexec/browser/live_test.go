package browser

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// poll makes the page ask for itself now, and waits until it has the answer; it returns its
// status. A page does it by itself every two seconds.
func (b *tab) poll() int {
	b.t.Helper()
	return evaluate[int](b, `new Promise((done) => {
		const main = document.getElementById("main");
		main.addEventListener("htmx:finally:request", (event) => requestAnimationFrame(() => done(event.detail.ctx.response?.status ?? 0)), { once: true });
		main.dispatchEvent(new Event("poll"));
	})`)
}

// polls is how often the page has asked for itself.
const polls = `performance.getEntriesByType("resource").filter((e) => e.initiatorType === "fetch").length`

// work is a queue in which a batch is under way.
func work(t *testing.T) (db *storetest.DB, step func()) {
	db = storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('warehouse', 4)")
	for range 40 {
		db.Insert(storetest.Row{"tag": "high_value", "batch": "nightly", "pool": "warehouse"})
	}
	db.Exec(`INSERT INTO tagexec.tag_minutes (minute, pool, kind, outcome, attempts, run_seconds, wait_seconds, run_counts, wait_counts)
	         SELECT date_trunc('minute', now()) - i * interval '10 minutes', 'warehouse', 'sql', 'succeeded', 5, 10, 10, '{0,5}', '{0,5}' FROM generate_series(1, 100) i`)
	c := db.Claimer(store.Executor{Workers: 4, Lease: time.Hour})
	var one sync.Mutex
	step = func() {
		one.Lock()
		defer one.Unlock()
		c.End(t, store.Succeeded, c.MustClaim(t, 1)...)
	}
	for range 3 {
		step()
	}
	return db, step
}

// A page keeps itself up to date, and leaves what somebody does there as it is.
func TestLiveLeavesWhatSomebodyDoes(t *testing.T) {
	t.Parallel()
	db, step := work(t)
	b := open(t)
	b.size(1280, 500)
	address := dashboard(t, db.URL)

	b.visit(address + "/batches/nightly")
	b.says("3 of 40")
	step()
	b.says("4 of 40") // by itself
	if got := b.poll(); got != 304 && got != 200 {
		t.Errorf("a poll is answered %d", got)
	}
	if got := b.poll(); got != 304 {
		t.Errorf("a poll of what has not changed is answered %d", got)
	}

	b.visit(address + "/jobs")
	b.do(chromedp.SendKeys(chromedp.CSS("input[name=tag]"), "hig"))
	evaluate[bool](b, `const row = document.querySelectorAll("tbody tr")[20]; row.querySelector("a").focus(); window.row = row; scrollTo(0, 300); true`)
	at := evaluate[float64](b, "row.getBoundingClientRect().top")
	step()
	b.until(`document.querySelectorAll("tbody .state.ok").length === 5 || ` + polls + ` > 200`)
	for what, same := range map[string]string{
		"what is in sight": fmt.Sprintf("Math.abs(row.getBoundingClientRect().top - %f) < 1", at),
		"the focus":        `document.activeElement === row.querySelector("a") && row.isConnected`,
		"what was written": `document.querySelector("input[name=tag]").value === "hig"`,
	} {
		if !evaluate[bool](b, same) {
			t.Errorf("%s is lost", what)
		}
	}

	b.visit(address + "/")
	b.do(chromedp.Click(chromedp.CSS("main details summary")))
	db.Exec("UPDATE tagexec.tag_pools SET paused = true WHERE pool = 'warehouse'")
	b.says("Needs you")
	if !evaluate[bool](b, `document.querySelector("main details").open`) {
		t.Error("what was opened is closed")
	}
}

// A row that is selected stays so, and so does text that somebody marks to copy it.
func TestLiveLeavesSelections(t *testing.T) {
	t.Parallel()
	db, step := work(t)
	b := open(t)
	b.visit(dashboard(t, db.URL) + "/jobs")
	b.do(chromedp.Click(chromedp.CSS("tbody tr:nth-child(3) input[type=checkbox]")))
	chosen := evaluate[string](b, `document.querySelector("tbody input:checked").value`)
	step()
	b.poll()
	storetest.Check(t, "selected", evaluate[string](b, `document.querySelector("tbody input:checked")?.value ?? "nothing"`), chosen)
	evaluate[bool](b, `document.querySelector("tbody input:checked").checked = false; getSelection().selectAllChildren(document.querySelector("h1")); true`)
	marked := evaluate[string](b, "String(getSelection())")
	step()
	b.poll()
	storetest.Check(t, "marked", evaluate[string](b, "String(getSelection())"), marked)
}

// While ten polls bring other figures, nothing on a page moves, once it has all its sections.
func TestLiveMovesNothing(t *testing.T) {
	t.Parallel()
	db, step := work(t)
	address := dashboard(t, db.URL)
	for _, path := range []string{"/", "/batches", "/batches/nightly", "/pools", "/executors", "/jobs?state=running"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			b := open(t)
			b.visit(address + path)
			b.until(`!(document.querySelector(".later") && (window.late = true))`)
			evaluate[bool](b, `new Promise((done) => requestAnimationFrame(() => setTimeout(() => { window.whole = window.late || `+polls+` > 0 ? performance.now() : 0; done(true) })))`)
			evaluate[bool](b, `window.shifts = []; window.shift = 0; new PerformanceObserver((list) => {
				for (const e of list.getEntries()) if (e.startTime > whole) shift += e.value, shifts.push(e.value + " of " + e.sources.map((s) => s.node?.outerHTML ?? s.node?.textContent).join(" "));
			}).observe({ type: "layout-shift", buffered: true }); true`)
			for range 4 {
				step()
			}
			b.until(`(window.often ??= setInterval(() => document.getElementById("main").dispatchEvent(new Event("poll")), 1000)) && ` + polls + " >= 10") // a slow machine asks seldom
			b.do(chromedp.Evaluate[chromedp.Void]("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))", chromedp.EvalAwaitPromise))
			if shift := evaluate[float64](b, "shift"); shift >= 0.0005 { // 0.000, as browsers report it
				t.Errorf("%s moves by %f: %q", path, shift, evaluate[[]string](b, "shifts"))
			}
		})
	}
}

// Nobody looks at a hidden tab: while another asks three times, it does not.
func TestHiddenTabsDoNotAsk(t *testing.T) {
	t.Parallel()
	db, _ := work(t)
	address := dashboard(t, db.URL)
	hidden, seen := open(t), open(t)
	for _, b := range []*tab{hidden, seen} {
		b.visit(address + "/batches/nightly")
	}
	evaluate[bool](hidden, `Object.defineProperty(document, "hidden", { get: () => true, configurable: true }); true`)
	before := evaluate[int](hidden, polls)
	seen.until(polls + " >= 3")
	if n := evaluate[int](hidden, polls); n > before+1 { // one may have been under way
		t.Errorf("a hidden tab asked %d times", n-before)
	}
	evaluate[bool](hidden, `Object.defineProperty(document, "hidden", { get: () => false, configurable: true }); true`)
	hidden.until(fmt.Sprintf("%s > %d", polls, before+1))
}

// A page stays through a restart of the database: it shows what it knows and of when that
// is, and goes on.
func TestLiveSurvivesARestartOfTheDatabase(t *testing.T) {
	t.Parallel()
	server := storetest.OwnServer(t, nil)
	if _, err := migrations.Up(t.Context(), server.URL("postgres")); err != nil {
		t.Fatal(err)
	}
	db := storetest.On(t, server.URL("postgres"))
	db.Insert(storetest.Row{"tag": "a", "batch": "nightly"})
	b := open(t, "503 (Service Unavailable)")
	b.visit(dashboard(t, db.URL) + "/batches/nightly")
	b.says("0 of 1 job")
	if err := server.StopImmediate(); err != nil {
		t.Fatal(err)
	}
	b.says("This is as of")
	b.says("nightly is open")
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	db.Pool.Reset()
	db.Insert(storetest.Row{"tag": "a", "batch": "nightly"})
	b.says("of 2")
	b.until(`!document.querySelector(".stale")`)
}

// A first visit brings little, in few requests, from one host.
func TestAFirstVisitIsSmall(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Fill("high_value", "https://airflow.example/log")
	address := dashboard(t, db.URL)
	for _, path := range []string{"/", "/batches/high_value", "/jobs"} {
		b := open(t)
		call(b, network.Enable, network.EnableParams{})
		b.visit(address + path)
		b.until(`document.readyState === "complete"`)
		b.mu.Lock()
		requests, size := b.requests, b.bytes
		b.mu.Unlock()
		for _, request := range requests {
			if !strings.HasPrefix(request, address) {
				t.Errorf("%s loads %s", path, request)
			}
		}
		if len(requests) > 6 || size > 100_000 || len(requests) < 4 {
			t.Errorf("%s brings %.0f bytes in %q", path, size, requests)
		}
		t.Logf("%s: %.0f bytes in %d requests", path, size, len(requests))
	}
}
