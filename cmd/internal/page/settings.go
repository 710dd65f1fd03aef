package page

import (
	"net/http"
	"strings"
	"time"
)

const aYear = 365 * 24 * time.Hour

// settings keeps in the browser how somebody wants to see the pages.
func (p *Page) settings(w http.ResponseWriter, r *http.Request) {
	v := p.visit(w, r)
	if zone := r.PostFormValue("tz"); zone != "" {
		if zoneOf(zone).String() != zone {
			v.fail(wrong("there is no time zone %q; zones have names such as Europe/Berlin", zone))
			return
		}
		v.remember(zoneCookie, zone, aYear)
	}
	switch theme := r.PostFormValue("theme"); theme {
	case "light", "dark", "auto":
		v.remember(themeCookie, theme, aYear)
	}
	switch keys := r.PostFormValue("keys"); keys {
	case "on", "off":
		v.remember(keysCookie, keys, aYear)
	}
	http.Redirect(w, r, v.back(r.PostFormValue("back")), http.StatusSeeOther)
}

// back is where a form leads back to: a path of ours, and never another site.
func (v *visit) back(path string) string {
	if !strings.HasPrefix(path, v.page.Root()) || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") {
		return v.page.Root()
	}
	return path
}
