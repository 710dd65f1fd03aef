package config

import (
	"net/netip"
	"strings"
	"testing"
)

func TestWrongValuesOfThePageAreNamed(t *testing.T) {
	for _, c := range []struct {
		values map[string]string
		want   string // after the prefix; "" if nothing is wrong
	}{
		{map[string]string{"UI_HOSTS": "ops.example:80"}, `UI_HOSTS names "ops.example:80": must be names of hosts`},
		{map[string]string{"UI_VIEWER_USER": "vera"}, "UI_VIEWER_USER and TAGEXEC_UI_VIEWER_PASSWORD go together"},
		{map[string]string{"UI_VIEWER_PASSWORD": "hush"}, "UI_VIEWER_USER and TAGEXEC_UI_VIEWER_PASSWORD go together"},
		{map[string]string{"UI_VIEWER_USER": "me", "UI_VIEWER_PASSWORD": "hush", "HTTP_USER": "me", "HTTP_PASSWORD": "hush"}, "UI_VIEWER_USER is that of TAGEXEC_HTTP_USER too"},
		{map[string]string{"UI_VIEWER_USER": "vera", "UI_VIEWER_PASSWORD": "hush", "HTTP_USER": "me", "HTTP_PASSWORD": "hush"}, ""},
		{map[string]string{"UI_AUTH_HEADER": "X-Forwarded-User"}, "UI_AUTH_HEADER and TAGEXEC_UI_AUTH_PROXIES go together"},
		{map[string]string{"UI_AUTH_PROXIES": "10.0.0.0/8"}, "UI_AUTH_HEADER and TAGEXEC_UI_AUTH_PROXIES go together"},
		{map[string]string{"UI_AUTH_HEADER": "X Forwarded:User", "UI_AUTH_PROXIES": "10.0.0.0/8"}, `UI_AUTH_HEADER is "X Forwarded:User": must be the name of a header`},
		{map[string]string{"UI_AUTH_HEADER": "X-Forwarded-User", "UI_AUTH_PROXIES": "10.0.0.0/33"}, `UI_AUTH_PROXIES`},
		{map[string]string{"UI_AUTH_HEADER": "X-Forwarded-User", "UI_AUTH_PROXIES": "proxy.example"}, `UI_AUTH_PROXIES`},
		{map[string]string{"UI_AUTH_HEADER": "X-Forwarded-User", "UI_AUTH_PROXIES": "10.0.0.7, fd00::/8", "UI_OPERATORS": "olu, bo"}, ""},
		{map[string]string{"UI_OPERATORS": "olu"}, "UI_OPERATORS needs TAGEXEC_UI_AUTH_HEADER"},
		{map[string]string{"UI_BASE_PATH": "tagexec"}, `UI_BASE_PATH is "tagexec": must be a path`},
		{map[string]string{"UI_BASE_PATH": "/tagexec/"}, `UI_BASE_PATH`},
		{map[string]string{"UI_BASE_PATH": "/"}, `UI_BASE_PATH`},
		{map[string]string{"UI_BASE_PATH": "//evil.example"}, `UI_BASE_PATH`},
		{map[string]string{"UI_BASE_PATH": "/a/../b"}, `UI_BASE_PATH`},
		{map[string]string{"UI_BASE_PATH": "/a/./b"}, `UI_BASE_PATH`},
		{map[string]string{"UI_BASE_PATH": "/{x}"}, `UI_BASE_PATH`},
		{map[string]string{"UI_BASE_PATH": "/a?b"}, `UI_BASE_PATH`},
		{map[string]string{"UI_BASE_PATH": "/ops/tag-exec_2.0~x"}, ""},
		{map[string]string{"UI_URL": "ops.example"}, "UI_URL must be an address"},
		{map[string]string{"UI_URL": "ftp://ops.example"}, "UI_URL must be an address"},
		{map[string]string{"UI_URL": "https://"}, "UI_URL must be an address"},
		{map[string]string{"UI_URL": "https://me:hush@ops.example"}, "UI_URL must be an address"},
		{map[string]string{"UI_URL": "https://ops.example/?a=b"}, "UI_URL must be an address"},
		{map[string]string{"UI_URL": "https://ops.example/#a"}, "UI_URL must be an address"},
		{map[string]string{"UI_URL": "https://ops.example:8443/tagexec"}, ""},
		{map[string]string{"UI_DATABASE_URL": "mysql://u:hush@h/d"}, "UI_DATABASE_URL is wrong"},
		{map[string]string{"UI_DATABASE_URL": "postgres://u:hush@h/d"}, ""},
	} {
		_, err := load(t, c.values)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%v: %v", c.values, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), Prefix+"_"+c.want)):
			t.Errorf("%v: %v, want %q", c.values, err, c.want)
		case err != nil && strings.Contains(err.Error(), "hush"):
			t.Errorf("%v: a secret is told: %v", c.values, err)
		}
	}
}

func TestThePagesPasswordsAreSecrets(t *testing.T) {
	c, err := load(t, map[string]string{"UI_VIEWER_USER": "vera", "UI_VIEWER_PASSWORD": "one", "UI_DATABASE_URL": "postgres://u:two@h/d"})
	if err != nil {
		t.Fatal(err)
	}
	if told := strings.Join(c.Secrets(), " "); !strings.Contains(told, "one") || !strings.Contains(told, "two") {
		t.Errorf("secrets are %q", told)
	}
	for _, name := range []string{"UI_VIEWER_PASSWORD", "UI_DATABASE_URL"} {
		if _, err := load(t, map[string]string{"COMMAND_ENV": Prefix + "_" + name}); err == nil || !strings.Contains(err.Error(), "holds passwords of tagexec") {
			t.Errorf("a command job is given %s: %v", name, err)
		}
	}
}

func TestNetworksHoldTheirAddresses(t *testing.T) {
	var n Networks
	if err := n.Decode("10.1.2.3/8, 192.0.2.7, fd00::/8"); err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]bool{
		"10.255.0.1": true, "::ffff:10.0.0.1": true, "11.0.0.1": false, "192.0.2.7": true, "192.0.2.8": false, "fd12::1": true, "fe80::1": false, "fd12::1%eth0": false,
	} {
		if got := n.Hold(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %t, want %t", address, got, want)
		}
	}
	if (Networks{}).Hold(netip.MustParseAddr("127.0.0.1")) {
		t.Error("none holds an address")
	}
}
