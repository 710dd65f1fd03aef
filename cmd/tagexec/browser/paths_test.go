package browser

import (
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/tagexec/tagexec/store/storetest"
)

// click clicks what a selector finds first.
func (b *tab) click(selector string) {
	b.t.Helper()
	b.until("document.readyState === 'complete' && document.querySelector(" + quoted(selector) + ")")
	b.do(chromedp.Click(chromedp.CSS(selector)))
}

// write writes into the field that has the focus, and sends the form.
func (b *tab) write(text string) {
	b.t.Helper()
	b.until("document.readyState === 'complete' && document.activeElement?.id === 'reason'")
	b.do(chromedp.KeyEvent(text + kb.Enter))
}

// reach presses Tab until it comes to what a selector finds, and Enter there.
func (b *tab) reach(selector, key string) {
	b.t.Helper()
	b.until("document.readyState === 'complete' && document.querySelector(" + quoted(selector) + ")")
	for range 200 {
		if evaluate[bool](b, "document.activeElement?.matches("+quoted(selector)+") ?? false") {
			if !evaluate[bool](b, "document.activeElement.matches(':focus-visible') && getComputedStyle(document.activeElement).outlineStyle !== 'none'") {
				b.t.Errorf("%s has the focus, and nobody sees it", selector)
			}
			b.do(chromedp.KeyEvent(key))
			return
		}
		b.do(chromedp.KeyEvent(kb.Tab))
	}
	b.t.Fatalf("Tab does not come to %s", selector)
}

// To find a failed job, read its output, retry it with a reason and take that back; to
// pause a pool and resume it. By mouse, on a phone, and without JavaScript.
func TestByMouse(t *testing.T) {
	for name, c := range map[string]struct {
		width  int64
		script bool
	}{"wide": {1280, true}, "phone": {360, true}, "wide without JavaScript": {1280, false}, "phone without JavaScript": {360, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			db.Fill("high_value", "https://airflow.example/log")
			b := open(t)
			b.size(c.width, 800)
			if !c.script {
				call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
			}
			b.visit(dashboard(t, db.URL))
			b.click(`nav a[href="/jobs"]`)
			b.click(`input[name=state][value=failed]`)
			b.click(`#filters button`)
			b.says("1 failed job")
			b.click(`tbody th a`)
			b.says("Output of attempt 1")
			storetest.Check(t, "output", evaluate[string](b, `document.querySelector("#output").textContent.trim()`), "high_value")
			b.click(`main a[href^="/do/retry-jobs"]`)
			b.do(chromedp.SendKeys(chromedp.CSS("#reason"), "the table is there now"))
			b.click(`.deed button`)
			b.says("pending")
			storetest.Check(t, "retried", retried(db), "[the table is there now]")
			b.click(`main a[href^="/do/cancel-jobs"]`)
			b.do(chromedp.SendKeys(chromedp.CSS("#reason"), "not yet"))
			b.click(`.deed button`)
			b.says("cancelled")
			b.click(`nav a[href="/pools"]`)
			b.click(`a[href^="/do/pause-pool"][href*="pool=default"]`)
			b.do(chromedp.SendKeys(chromedp.CSS("#reason"), "migration"))
			b.click(`.deed button`)
			b.says("Pool default is paused.")
			storetest.Check(t, "paused", paused(db), "true")
			b.click(`a[href^="/do/resume-pool"][href*="pool=default"]`)
			b.do(chromedp.SendKeys(chromedp.CSS("#reason"), "done"))
			b.click(`.deed button`)
			b.says("Pool default goes on.")
			storetest.Check(t, "paused", paused(db), "false")
		})
	}
}

// The same by keyboard alone, with single keys and with Tab.
func TestByKeyboard(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Fill("high_value", "https://airflow.example/log")
	b := open(t)
	b.visit(dashboard(t, db.URL))
	b.do(chromedp.KeyEvent("gj"))
	b.says("Error, its code or a part")
	b.reach(`input[name=state][value=failed]`, " ")
	b.do(chromedp.KeyEvent(kb.Enter))
	b.until(`location.search.includes("state=failed")`)
	b.says("1 failed job")
	b.do(chromedp.KeyEvent("j"))
	b.until(`document.activeElement.closest("tbody th")`)
	b.do(chromedp.KeyEvent(kb.Enter))
	b.says("Output of attempt 1")
	b.reach("#output", "")
	b.do(chromedp.KeyEvent("r"))
	b.write("the table is there now")
	b.says("pending")
	storetest.Check(t, "retried", retried(db), "[the table is there now]")
	b.do(chromedp.KeyEvent("c"))
	b.write("not yet")
	b.says("cancelled")
	b.do(chromedp.KeyEvent("gp"))
	b.reach(`a[href^="/do/pause-pool"][href*="pool=default"]`, kb.Enter)
	b.write("migration")
	b.says("Pool default is paused.")
	b.reach(`a[href^="/do/resume-pool"][href*="pool=default"]`, kb.Enter)
	b.write("done")
	b.says("Pool default goes on.")
	storetest.Check(t, "paused", paused(db), "false")
	b.do(chromedp.KeyEvent("?"))
	b.until(`document.querySelector("#keyhelp[open]")`)
	b.do(chromedp.KeyEvent(kb.Escape))
	b.until(`!document.querySelector("#keyhelp[open]")`)
	b.do(chromedp.KeyEvent("/"))
	b.until(`document.activeElement.id === "find"`)
	b.do(chromedp.KeyEvent("high_value" + kb.Enter))
	b.until(`location.pathname !== "/pools"`)
	b.says("high_value")
}

// Somebody whose software sends single keys can turn them off.
func TestSingleKeysCanBeTurnedOff(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	b := open(t)
	b.visit(dashboard(t, db.URL) + "/pools")
	b.reach(`.settings summary`, kb.Enter)
	b.until(`document.querySelector(".settings[open]")`)
	b.reach(`#keys`, kb.ArrowDown)
	b.reach(`.settings button`, kb.Enter)
	b.until(`document.body.dataset.keys === "off"`)
	b.do(chromedp.KeyEvent("gb?"))
	b.reach(`nav a[href="/tags"]`, kb.Enter)
	b.until(`location.pathname === "/tags"`)
}

func retried(db *storetest.DB) string {
	return fmt.Sprint(storetest.All[string](db, "SELECT reason FROM tagexec.tag_operator_actions WHERE action = 'retry_jobs'"))
}

func paused(db *storetest.DB) bool {
	return storetest.One[bool](db, "SELECT paused FROM tagexec.tag_pools WHERE pool = 'default'")
}
