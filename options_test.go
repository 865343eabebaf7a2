package oidcsso_test

import (
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
)

func TestCallbackURL(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{
		"https://app.example.com":           "https://app.example.com/callback/acme",
		"https://app.example.com/":          "https://app.example.com/callback/acme",
		"https://app.example.com/sso":       "https://app.example.com/sso/callback/acme",
		"https://app.example.com/sso/":      "https://app.example.com/sso/callback/acme",
		"https://app.example.com/a/b":       "https://app.example.com/a/b/callback/acme",
		"https://app.example.com:8443/sso":  "https://app.example.com:8443/sso/callback/acme",
		"http://localhost:8080":             "http://localhost:8080/callback/acme",
		"http://127.0.0.1:8080/sso":         "http://127.0.0.1:8080/sso/callback/acme",
		"http://[::1]:8080/sso":             "http://[::1]:8080/sso/callback/acme",
		"https://xn--bcher-kva.example/sso": "https://xn--bcher-kva.example/sso/callback/acme",
	} {
		if got, err := oidcsso.CallbackURL(base, "acme"); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", base, got, err, want)
		}
		c, err := oidcsso.NewConnector(soundConfig(), &oidcsso.Options{BaseURL: base})
		if err != nil || c.CallbackURL() != want {
			t.Errorf("%s: the connector has another one: %v", base, err)
		}
	}
}

// baseURLs that no cookie, route or redirect URI would fit.
var badBaseURLs = map[string]string{
	"":                                  "absolute https URL",
	"app.example.com/sso":               "absolute https URL",
	"/sso":                              "absolute https URL",
	"javascript:alert(1)":               "absolute https URL",
	"http://app.example.com":            "loopback",
	"http://10.0.0.1":                   "loopback",
	"https://":                          "no host",
	"https://u:p@app.example.com":       "user info",
	"https://app.example.com?":          "query",
	"https://app.example.com/sso?a=b":   "query",
	"https://app.example.com/sso#":      "fragment",
	"https://app.example.com/sso#top":   "fragment",
	"https://app.example.com:443/sso":   "default port",
	"http://localhost:80":               "default port",
	"https://app.example.com/a/../sso":  "dots",
	"https://app.example.com/./sso":     "dots",
	"https://app.example.com//sso":      "double slashes",
	"https://app.example.com/sso//":     "double slashes",
	"https://app.example.com/s%2Fso":    "escapes",
	"https://app.example.com/%73so":     "escapes",
	"https://app.example.com/sso ":      "space",
	`https://app.example.com\@evil.com`: "backslash",
	"https://äpp.example.com":           "ASCII",
	"https://app.example.com/%zz":       "not a URL",
}

func TestBaseURLRefusals(t *testing.T) {
	t.Parallel()
	for base, message := range badBaseURLs {
		got, err := oidcsso.CallbackURL(base, "acme")
		fields := problems(t, err)
		if got != "" || fieldNames(fields) != "base_url" || !strings.Contains(fields[0].Message, message) {
			t.Errorf("%q: got %q, %+v, want %q", base, got, fields, message)
		}
		if base == "" {
			continue // that is no BaseURL at all, which a Connector with a RedirectURL can do without
		}
		_, err = oidcsso.NewConnector(soundConfig(), &oidcsso.Options{BaseURL: base})
		if fields := problems(t, err); fieldNames(fields) != "base_url" {
			t.Errorf("%q: the connector has problems with %+v", base, fields)
		}
	}
	_, err := oidcsso.CallbackURL("http://app.example.com", "callback")
	if got := fieldNames(problems(t, err)); got != "base_url id" {
		t.Errorf("got problems with %s", got)
	}
}

func TestOptionsReportAllProblemsAtEachUse(t *testing.T) {
	t.Parallel()
	opts := &oidcsso.Options{
		BaseURL: "http://app.example.com", Leeway: 5*time.Minute + 1,
		ExclusiveRedirectURLs: []string{"https://app.example.com/cb", "cb", "https://app.example.com/cb#x"},
		Egress:                oidcsso.Egress{AllowPrefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), {}, netip.MustParsePrefix("::ffff:10.0.0.0/104")}},
	}
	const want = "leeway base_url egress.allow_prefixes[1] egress.allow_prefixes[2] exclusive_redirect_urls[1] exclusive_redirect_urls[2]"
	for range 2 {
		_, err := oidcsso.NewConnector(soundConfig(), opts)
		if got := fieldNames(problems(t, err)); got != want {
			t.Errorf("NewConnector: got %s, want %s", got, want)
		}
		_, err = oidcsso.Discover(t.Context(), "https://acme.okta.com", opts)
		if got := fieldNames(problems(t, err)); got != want {
			t.Errorf("Discover: got %s, want %s", got, want)
		}
	}
}

func TestOptionsMayBeNil(t *testing.T) {
	t.Parallel()
	cfg := soundConfig()
	cfg.RedirectURL = "https://app.example.com/cb"
	c, err := oidcsso.NewConnector(cfg, nil)
	if err != nil || c.CallbackURL() != "https://app.example.com/cb" {
		t.Errorf("got %v, %v", c, err)
	}
	cfg.RedirectURL = ""
	_, err = oidcsso.NewConnector(cfg, nil)
	if got := fieldNames(problems(t, err)); got != "redirect_url" {
		t.Errorf("got problems with %s", got)
	}
}

func TestOptionsAreUsedByManyAtOnce(t *testing.T) {
	t.Parallel()
	opts := soundOptions()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := oidcsso.NewConnector(soundConfig(), opts); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestAllowDomainReplacesTheListOfMailboxProviders(t *testing.T) {
	t.Parallel()
	var asked []string
	opts := soundOptions()
	opts.AllowDomain = func(domain string) bool {
		asked = append(asked, domain)
		return domain != "rival.example"
	}
	cfg := soundConfig()
	cfg.Domains = oidcsso.AssertDomains("GMAIL.com", "*.Rival.example", "com")
	_, err := oidcsso.NewConnector(cfg, opts)
	if got := fieldNames(problems(t, err)); got != "domains[1] domains[2]" {
		t.Errorf("got problems with %s", got)
	}
	if got := strings.Join(asked, " "); got != "gmail.com rival.example" {
		t.Errorf("asked for %s", got)
	}
}
