package oidcsso_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

func TestOtherBaseURLsAreChecked(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		base   string
		others []string
		want   string
	}{
		"good":                       {hostA, []string{hostB + "/a/b/", "http://127.0.0.1:8080/sso"}, ""},
		"http":                       {hostA, []string{"http://b.example.test"}, "other_base_urls[0]"},
		"not a URL":                  {hostA, []string{hostB, "b.example.test"}, "other_base_urls[1]"},
		"empty":                      {hostA, []string{""}, "other_base_urls[0]"},
		"a query":                    {hostA, []string{hostB + "?x"}, "other_base_urls[0]"},
		"the default port":           {hostA, []string{"https://b.example.test:443"}, "other_base_urls[0]"},
		"a wildcard":                 {hostA, []string{"https://*.example.test"}, "other_base_urls[0]"},
		"none to begin with":         {"", []string{hostB}, "base_url"},
		"the same":                   {hostA, []string{hostA}, "other_base_urls[0]"},
		"the same host, other path":  {hostA + "/sso", []string{hostA + "/auth"}, "other_base_urls[0]"},
		"the same host, other case":  {hostA, []string{hostB, "https://SSO.customer.test:8443"}, "other_base_urls[1]"},
		"the same host, other port":  {hostA, []string{hostA + ":8443"}, "other_base_urls[0]"},
		"a hundred":                  {hostA, slices.Repeat([]string{hostB}, 100), "other_base_urls"},
		"bad ones beside a bad base": {"ftp://a", []string{"ftp://b"}, "base_url other_base_urls[0]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := &oidcsso.Options{BaseURL: row.base, OtherBaseURLs: row.others}
			_, err := oidcsso.NewFlow(opts, oidcsso.NewRouter(opts), &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{oidcsso.RandomSealKey()}})
			if row.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var invalid *oidcsso.ConfigError
			if !errors.As(err, &invalid) || fieldNames(invalid.Fields) != row.want {
				t.Errorf("got %v, want %s", err, row.want)
			}
		})
	}
}

func TestNoRedirectURIOfAConnectorIsAnothersOnAnyHost(t *testing.T) {
	t.Parallel()
	opts := &oidcsso.Options{BaseURL: hostA + "/sso", OtherBaseURLs: []string{hostB + "/sso"}}
	acme, globex := soundConfig(), soundConfig()
	globex.ID, globex.Domains, globex.RedirectURL = "globex", nil, hostB+"/sso/callback/"+acme.ID
	for _, order := range [][]oidcsso.Config{{acme, globex}, {globex, acme}} {
		if got := fieldNames(problems(t, oidcsso.NewRouter(opts).Replace(order))); got != "redirect_url" {
			t.Errorf("got %s", got)
		}
	}
}

func TestRouterAndFlowOfDifferentOtherBaseURLs(t *testing.T) {
	t.Parallel()
	d := newHosts(t)
	for _, others := range [][]string{nil, {hostB + "/sso"}, {hostC, hostB + "/sso"}} {
		_, err := oidcsso.NewFlow(&oidcsso.Options{BaseURL: hostA + "/sso", OtherBaseURLs: others}, d.router, d.flowOptions())
		if got := fieldNames(problems(t, err)); got != "source" {
			t.Errorf("%q: got %s", others, got)
		}
	}
}

func TestIssuerIsNotThisApplicationOnAnyHost(t *testing.T) {
	t.Parallel()
	opts := &oidcsso.Options{BaseURL: hostA + "/sso", OtherBaseURLs: []string{hostB + "/sso", hostC}}
	for _, issuer := range []string{hostA, hostB, hostB + "/idp", "https://SSO.customer.test.:8443", hostC + "/x"} {
		cfg := soundConfig()
		cfg.Issuer = issuer
		_, err := oidcsso.NewConnector(cfg, opts)
		_, errDiscover := oidcsso.Discover(t.Context(), issuer, opts)
		for _, err := range []error{err, errDiscover} {
			if got := fieldNames(problems(t, err)); got != "issuer" {
				t.Errorf("%s: %s", issuer, got)
			}
		}
	}
}

// Whoever controls the name of hostB gets what is sent there. A connector that is pinned to a host of the application's is not
// begun at it, shares its redirect URI with nobody, and needs no iss for that.
func TestConnectorPinnedToOneHost(t *testing.T) {
	t.Parallel()
	d := newHosts(t)
	var err error
	opts, cfg := &oidcsso.Options{BaseURL: hostA + "/sso"}, d.cfg
	cfg.RedirectURL, err = oidcsso.CallbackURL(opts.BaseURL, cfg.ID)
	if err != nil {
		t.Fatal(err)
	}
	d.put(cfg)
	pinned := hostA + "/sso/callback/acme"
	d.idp.Faults(func(f *oidcssotest.Faults) {
		f.Metadata = func(m map[string]any) { delete(m, "authorization_response_iss_parameter_supported") }
	})
	if got := d.connector().CallbackURLs(); !slices.Equal(got, []string{pinned}) {
		t.Errorf("the callback URLs are %q", got)
	}
	d.mustBeginAt(hostA + "/login")
	for _, host := range []string{hostB, hostC} {
		_, err := d.beginAt(host + "/login")
		wantError(t, err, oidcsso.CodeParamsInvalid)
		_, _, err = d.connector().Begin(t.Context(), oidcsso.BeginParams{RedirectURI: strings.Replace(pinned, hostA, host, 1), Binding: "session"})
		wantError(t, err, oidcsso.CodeParamsInvalid)
	}
	thief := soundConfig()
	thief.ID, thief.Domains, thief.RedirectURL = "thief", nil, pinned
	if got := fieldNames(problems(t, d.router.Put(thief))); got != "redirect_url" {
		t.Errorf("got %s", got)
	}
}
