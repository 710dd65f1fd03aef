package main

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
)

// The last line of the demo that stays is the address of a page on which a batch is at
// work: some of its jobs fail, and one runs for long.
func TestDemoStaysWithAPage(t *testing.T) {
	t.Parallel()
	p := clitest.Launch(t, "tagexec", []string{"demo", "--stay"}, "TAGEXEC_HTTP_ADDR=127.0.0.1:0")
	last := regexp.MustCompile(`\n\n  (http://127\.0\.0\.1:\d+/)\n$`)
	clitest.Eventually(t, "the address of the page", func() bool { return last.MatchString(p.Out.String()) })
	found := last.FindStringSubmatch(p.Out.String())
	get := func(path string) string {
		response, err := http.Get(found[1] + path)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return string(body)
	}
	for _, want := range []string{"relation &#34;demo.store_visits&#34; does not exist", "export_history", `class="progress"`, "Retry"} {
		clitest.Eventually(t, want, func() bool { return strings.Contains(get("batches/demo:backfill"), want) })
	}
	p.Signal(syscall.SIGINT)
	if code := p.Exit(); code != 130 {
		t.Errorf("exit code %d", code)
	}
}
