package page

import (
	"encoding/base64"
	"net/http"
	"strings"
	"time"
)

// say leaves a sentence for the next page that this visitor sees.
func (v *visit) say(text string) {
	v.remember(saidCookie, base64.RawURLEncoding.EncodeToString([]byte(text)), time.Minute)
}

// takeSaid returns it, once.
func (v *visit) takeSaid() string {
	value := cookie(v.r, saidCookie)
	if value == "" {
		return ""
	}
	v.remember(saidCookie, "", -time.Second)
	text, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		return ""
	}
	return string(text)
}

// remember lets the browser keep something for so long.
func (v *visit) remember(name, value string, life time.Duration) {
	http.SetCookie(v.w, &http.Cookie{
		Name: name, Value: value, Path: v.page.Root(), MaxAge: int(life.Seconds()), HttpOnly: name == saidCookie,
		Secure: v.r.TLS != nil || strings.HasPrefix(v.page.URL, "https:"), SameSite: http.SameSiteLaxMode,
	})
}
