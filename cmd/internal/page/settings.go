package page

import (
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

const aYear = 365 * 24 * time.Hour

// settings keeps in the browser how somebody wants to see the pages.
func (p *Page) settings(w http.ResponseWriter, r *http.Request) {
	v := p.visit(w, r)
	form, err := v.form()
	if err != nil {
		v.fail(err)
		return
	}
	if zone := form.Get("tz"); zone != "" {
		if zoneOf(zone).String() != zone {
			v.fail(wrong("there is no time zone %q; zones have names such as Europe/Berlin", zone))
			return
		}
		v.remember(zoneCookie, zone, aYear)
	}
	switch theme := form.Get("theme"); theme {
	case "light", "dark", "auto":
		v.remember(themeCookie, theme, aYear)
	}
	switch keys := form.Get("keys"); keys {
	case "on", "off":
		v.remember(keysCookie, keys, aYear)
	}
	http.Redirect(w, r, v.back(form.Get("back")), http.StatusSeeOther)
}

// back is where a form leads back to: a path of ours, and never another site.
func (v *visit) back(to string) string {
	u, err := url.Parse(to)
	if err != nil || !strings.HasPrefix(to, v.page.Root()) || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") ||
		!strings.HasPrefix(path.Clean(u.Path)+"/", v.page.Root()) {
		return v.page.Root()
	}
	return to
}
