//go:build pictures

package browser

import (
	"bufio"
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

var pictures = flag.String("pictures", "", "directory to which TestPictures writes pictures of all pages")

// Pictures of all pages of the demo, in both themes, wide and narrow, for people to look
// at. batch.png is the one in README: the batch of the demo while it runs.
func TestPictures(t *testing.T) {
	address := demo(t)
	b := open(t, "404 (Not Found)", "503 (Service Unavailable)")
	b.theme("light")
	b.size(1120, 590)
	b.visit(address + "/batches/demo:backfill")
	b.until(`document.querySelector("#causes") && document.querySelector("#waits") && document.querySelector("p.end")`)
	b.picture("batch.png")
	for _, path := range pages(t, address) {
		for _, theme := range []string{"light", "dark"} {
			for _, width := range []int64{1280, 360} {
				b.theme(theme)
				b.size(width, 900)
				b.visit(address + path)
				b.size(width, min(3000, max(600, evaluate[int64](b, "document.documentElement.scrollHeight"))))
				b.picture(fmt.Sprintf("%s-%s-%d.png", pictureName(path), theme, width))
			}
		}
	}
}

// pictureName is what the picture of a page is called: tags_x for one of the tags.
func pictureName(path string) string {
	name := strings.NewReplacer("/", "_", "?", "").Replace(strings.TrimPrefix(shape(path), "/"))
	if strings.HasSuffix(name, "_") {
		name += "x"
	}
	return cmp.Or(name, "overview")
}

func (b *tab) picture(name string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(*pictures, name), png, 0o644)
	}
	if err != nil {
		b.t.Error(err)
	}
}

// demo starts one that stays, and returns the address of its page.
func demo(t *testing.T) (address string) {
	t.Helper()
	for lines := bufio.NewScanner(launch(t, "demo --stay")); lines.Scan(); {
		if line := strings.TrimSpace(lines.Text()); strings.HasPrefix(line, "http://") {
			return strings.TrimSuffix(line, "/")
		}
	}
	t.Fatal("the demo says no address")
	return ""
}
