package oidcsso

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func routerOptions() *Options { return &Options{BaseURL: "https://app.test/sso"} }

// routedConfig is a valid Config with asserted domains.
func routedConfig(id string, domains ...string) Config {
	return Config{ID: id, Issuer: "https://" + id + ".idp.test", ClientID: "client", Domains: AssertDomains(domains...)}
}

func routerWith(t testing.TB, cfgs ...Config) *Router {
	t.Helper()
	r := NewRouter(routerOptions())
	for _, cfg := range cfgs {
		if err := r.Put(cfg); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// routedTo is the ID of the connector that a domain is routed to; "" if it is nobody's.
func routedTo(t testing.TB, r *Router, domain string) string {
	t.Helper()
	route, err := r.Route(t.Context(), domain)
	if err == ErrNotFound {
		return ""
	}
	if err != nil {
		t.Fatalf("Route(%q): %v", domain, err)
	}
	return route.Connector.ID()
}

func TestRouterRoute(t *testing.T) {
	t.Parallel()
	r := routerWith(t,
		routedConfig("acme", "acme.test", "bücher.test"),
		routedConfig("wild", "*.wild.test", "*.deep.wild.test"),
		routedConfig("eu", "eu.wild.test", "*.eu.wild.test"),
		Config{ID: "claims", Issuer: "https://claims.idp.test", ClientID: "client", Domains: []Domain{
			{Name: "claimed.test"}, {Name: "claimed.test", Wildcard: true}, {Name: "acme.test"}}},
	)
	for _, row := range []struct{ name, domain, id, entry string }{
		{"exact", "acme.test", "acme", "acme.test"},
		{"upper case", "ACME.TEST", "acme", "acme.test"},
		{"dot at the end", "acme.test.", "acme", "acme.test"},
		{"full-width letter", "ａcme.test", "acme", "acme.test"},
		{"ideographic full stop", "acme。test", "acme", "acme.test"},
		{"soft hyphen", "ac\u00adme.test", "acme", "acme.test"},
		{"A-label", "xn--bcher-kva.test", "acme", "xn--bcher-kva.test"},
		{"U-label", "BÜCHER.test", "acme", "xn--bcher-kva.test"},

		{"name that ends with a domain", "notacme.test", "", ""},
		{"name that begins with a domain", "acme.test.free.test", "", ""},
		{"name below an exact domain", "sub.acme.test", "", ""},
		{"name above", "test.acme", "", ""},
		{"rn for m", "acrne.test", "", ""},
		{"Cyrillic letter", "аcme.test", "", ""},
		{"claimed", "claimed.test", "", ""},
		{"below a claimed wildcard", "sub.claimed.test", "", ""},

		{"below a wildcard", "us.wild.test", "wild", "*.wild.test"},
		{"far below a wildcard", "a.b.c.wild.test", "wild", "*.wild.test"},
		{"below a wildcard in upper case", "US.Wild.TEST.", "wild", "*.wild.test"},
		{"wildcard's own name", "wild.test", "", ""},
		{"name that ends with a wildcard's", "notwild.test", "", ""},
		{"longer wildcard", "x.deep.wild.test", "wild", "*.deep.wild.test"},
		{"longer wildcard's own name", "deep.wild.test", "wild", "*.wild.test"},
		{"exact below another's wildcard", "eu.wild.test", "eu", "eu.wild.test"},
		{"longer wildcard of another", "de.eu.wild.test", "eu", "*.eu.wild.test"},
		{"not quite the longer one", "neu.wild.test", "wild", "*.wild.test"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			route, err := r.Route(t.Context(), row.domain)
			if row.id == "" {
				if err != ErrNotFound || route != nil {
					t.Fatalf("Route(%q) = %+v, %v, want ErrNotFound", row.domain, route, err)
				}
				return
			}
			if err != nil || route.Connector.ID() != row.id || route.Domain.String() != row.entry {
				t.Fatalf("Route(%q) = %+v, %v, want %s by %s", row.domain, route, err, row.id, row.entry)
			}
		})
	}
}

// Nothing that is no domain name may be answered with "nobody's": whoever asks would let the person in.
func TestRouterRouteRefusesWhatIsNoDomain(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*Router{"filled": routerWith(t, routedConfig("acme", "acme.test", "*.acme.test")), "zero": {}} {
		for _, domain := range []string{"", ".", "test", "acme..test", ".acme.test", "acme.test..", "acme.test\n", " acme.test", "ada@acme.test",
			"acme.test\x00", "*.acme.test", "1.2.3.4", "xn--acme-.test", "acm\xff.test", strings.Repeat("a.", 1<<19) + "acme.test"} {
			route, err := r.Route(t.Context(), domain)
			if e := wantErrorCode(t, err, CodeAddressInvalid); errors.Is(e, ErrNotFound) || route != nil {
				t.Errorf("%s: Route(%.20q) = %+v, %v", name, domain, route, err)
			}
		}
	}
}

func TestRouterConnector(t *testing.T) {
	t.Parallel()
	disabled := routedConfig("off", "off.test")
	disabled.Disabled = true
	r := routerWith(t, routedConfig("b"), disabled, routedConfig("a"))
	for _, id := range []string{"a", "b", "off"} {
		if c, err := r.Connector(t.Context(), id); err != nil || c.ID() != id {
			t.Errorf("Connector(%q): %v", id, err)
		}
	}
	for _, id := range []string{"", "A", "c", "a "} {
		if c, err := r.Connector(t.Context(), id); c != nil || err != ErrNotFound {
			t.Errorf("Connector(%q) = %v, %v", id, c, err)
		}
	}
	if got := connectorIDs(r); got != "[a b off]" {
		t.Errorf("Connectors gives %s", got)
	}
	r.Connectors()[0] = nil
	if got := connectorIDs(r); got != "[a b off]" {
		t.Errorf("the slice is the router's own")
	}
	if routedTo(t, r, "off.test") != "off" {
		t.Error("a disabled connector lost its domain")
	}
}

func connectorIDs(r *Router) string {
	ids := []string{}
	for _, c := range r.Connectors() {
		ids = append(ids, c.ID())
	}
	return fmt.Sprint(ids)
}

func TestZeroRouter(t *testing.T) {
	t.Parallel()
	var r Router
	if _, err := r.Route(t.Context(), "acme.test"); err != ErrNotFound {
		t.Errorf("Route: %v", err)
	}
	if _, err := r.Connector(t.Context(), "acme"); err != ErrNotFound {
		t.Errorf("Connector: %v", err)
	}
	if r.Remove("acme") != ErrNotFound || len(r.Connectors()) != 0 {
		t.Error("it is not empty")
	}
	cfg := routedConfig("acme", "acme.test")
	cfg.RedirectURL = "https://app.test/callback"
	if err := r.Put(cfg); err != nil || routedTo(t, &r, "acme.test") != "acme" {
		t.Errorf("Put: %v", err)
	}
}

func TestRouterPutChanges(t *testing.T) {
	t.Parallel()
	r := routerWith(t, routedConfig("acme", "acme.test", "old.test"))
	if err := r.Put(routedConfig("acme", "acme.test", "new.test")); err != nil {
		t.Fatal(err)
	}
	if routedTo(t, r, "acme.test") != "acme" || routedTo(t, r, "new.test") != "acme" || routedTo(t, r, "old.test") != "" {
		t.Error("the domains are not those of the new Config")
	}
	if got := connectorIDs(r); got != "[acme]" {
		t.Errorf("Connectors gives %s", got)
	}
	cfg := routedConfig("acme", "acme.test")
	cfg.Disabled = true
	if err := r.Put(cfg); err != nil {
		t.Fatal(err)
	}
	if c, _ := r.Connector(t.Context(), "acme"); !c.Disabled() || routedTo(t, r, "acme.test") != "acme" {
		t.Error("disabling released the domain, or did nothing")
	}
	// "asserted" taken back releases the domain.
	cfg.Domains = []Domain{{Name: "acme.test"}}
	if err := r.Put(cfg); err != nil || routedTo(t, r, "acme.test") != "" {
		t.Errorf("a claim routes, %v", err)
	}
}

func TestRouterPutKeepsWhatWasDiscovered(t *testing.T) {
	t.Parallel()
	r := routerWith(t, routedConfig("acme", "acme.test"), routedConfig("other", "other.test"))
	before, _ := r.Connector(t.Context(), "acme")
	discovered := before.provider()
	cfg := routedConfig("acme", "acme.test", "more.test")
	cfg.Name, cfg.ClientSecret, cfg.Scopes = "Acme", NewSecret("rotated"), []string{"groups"}
	if err := r.Put(cfg); err != nil {
		t.Fatal(err)
	}
	renamed, _ := r.Connector(t.Context(), "acme")
	if renamed == before || renamed.Name() != "Acme" || renamed.provider() != discovered {
		t.Error("a new name, secret or domain costs a discovery")
	}
	if err := r.Replace([]Config{cfg}); err != nil {
		t.Fatal(err)
	}
	if replaced, _ := r.Connector(t.Context(), "acme"); replaced.provider() != discovered {
		t.Error("Replace with the same Config costs a discovery")
	}
	cfg.Issuer = "https://new.idp.test"
	if err := r.Put(cfg); err != nil {
		t.Fatal(err)
	}
	if moved, _ := r.Connector(t.Context(), "acme"); moved.provider() == discovered {
		t.Error("another issuer has the old one's keys")
	}
}

func TestRouterPutRefused(t *testing.T) {
	t.Parallel()
	opts := routerOptions()
	opts.ExclusiveRedirectURLs = []string{"https://app.test/old/callback"}
	r := NewRouter(opts)
	legacy := routedConfig("legacy", "legacy.test")
	legacy.RedirectURL = "https://app.test/old/callback"
	if err := errors.Join(r.Put(routedConfig("acme", "acme.test", "*.wild.test")), r.Put(legacy)); err != nil {
		t.Fatal(err)
	}
	before := r.Connectors()
	change := func(change func(*Config)) Config {
		cfg := routedConfig("eve", "eve.test")
		change(&cfg)
		return cfg
	}
	for _, row := range []struct {
		name  string
		cfg   Config
		code  Code
		field string
	}{
		{"invalid Config", change(func(c *Config) { c.Issuer = "" }), CodeConfigInvalid, "issuer"},
		{"mailbox provider's domain", change(func(c *Config) { c.Domains = AssertDomains("gmail.com") }), CodeConfigInvalid, "domains[0]"},
		{"another's domain", change(func(c *Config) { c.Domains = AssertDomains("eve.test", "acme.test") }), CodeDomainConflict, ""},
		{"another's domain in another notation", change(func(c *Config) { c.Domains = AssertDomains("ａCME.test.") }), CodeDomainConflict, ""},
		{"another's wildcard", change(func(c *Config) { c.Domains = AssertDomains("*.wild.test") }), CodeDomainConflict, ""},
		{"another's domain while disabled", change(func(c *Config) { c.Domains, c.Disabled = AssertDomains("acme.test"), true }), CodeDomainConflict, ""},
		{"exclusive redirect URI", change(func(c *Config) { c.RedirectURL = legacy.RedirectURL }), CodeConfigInvalid, "redirect_url"},
		{"another's default redirect URI", change(func(c *Config) { c.RedirectURL = "https://app.test/sso/callback/acme" }), CodeConfigInvalid, "redirect_url"},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := r.Put(row.cfg)
			if !errors.Is(err, row.code) {
				t.Fatalf("error is %v, want %s", err, row.code)
			}
			var invalid *ConfigError
			if errors.As(err, &invalid) != (row.field != "") || invalid != nil && (invalid.Fields[0].Field != row.field || invalid.Connector != "eve") {
				t.Errorf("error is %v, want the field %q", err, row.field)
			}
			if !slices.Equal(r.Connectors(), before) || routedTo(t, r, "eve.test") != "" || routedTo(t, r, "acme.test") != "acme" {
				t.Error("the router changed")
			}
		})
	}
}

// Which other customer holds a domain is for the log, not for the tenant who tries names.
func TestRouterConflictNamesTheHolderToTheLogOnly(t *testing.T) {
	t.Parallel()
	r := routerWith(t, routedConfig("secretcustomer", "acme.test"))
	e := wantErrorCode(t, r.Put(routedConfig("eve", "acme.test")), CodeDomainConflict)
	if !strings.Contains(e.Error(), "secretcustomer") || !strings.Contains(e.Remedy, "acme.test") || e.Connector != "eve" {
		t.Errorf("the log learns too little: %v", e)
	}
	if strings.Contains(e.Public, "secretcustomer") || strings.Contains(e.Remedy, "secretcustomer") {
		t.Errorf("the tenant learns too much: %s %s", e.Public, e.Remedy)
	}
}

func TestRouterNoConflict(t *testing.T) {
	t.Parallel()
	claims := routedConfig("claims")
	claims.Domains = []Domain{{Name: "acme.test"}, {Name: "wild.test", Wildcard: true}}
	r := routerWith(t, claims, routedConfig("acme", "acme.test", "*.wild.test"), routedConfig("exact", "wild.test", "eu.wild.test", "*.eu.wild.test"))
	if err := r.Put(claims); err != nil {
		t.Errorf("a claim conflicts: %v", err)
	}
	for domain, id := range map[string]string{"acme.test": "acme", "wild.test": "exact", "us.wild.test": "acme", "eu.wild.test": "exact", "x.eu.wild.test": "exact"} {
		if got := routedTo(t, r, domain); got != id {
			t.Errorf("%s is routed to %q, want %q", domain, got, id)
		}
	}
	// A redirect URI that nobody has alone may be shared; Begin then asks for iss.
	for _, id := range []string{"shared1", "shared2"} {
		cfg := routedConfig(id)
		cfg.RedirectURL = "https://app.test/shared"
		if err := r.Put(cfg); err != nil {
			t.Error(err)
		}
	}
}

func TestRouterRemove(t *testing.T) {
	t.Parallel()
	r := routerWith(t, routedConfig("acme", "acme.test"), routedConfig("other", "other.test"))
	if err := r.Remove("nobody"); err != ErrNotFound {
		t.Errorf("unknown ID: %v", err)
	}
	if err := r.Remove("acme"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Connector(t.Context(), "acme"); err != ErrNotFound || routedTo(t, r, "acme.test") != "" || routedTo(t, r, "other.test") != "other" {
		t.Error("it is still there, or more is gone")
	}
	if err := r.Put(routedConfig("heir", "acme.test")); err != nil {
		t.Errorf("the domain was not released: %v", err)
	}
}

func TestRouterBadOptions(t *testing.T) {
	t.Parallel()
	r := NewRouter(&Options{BaseURL: "http://app.test"})
	for name, err := range map[string]error{"Put": r.Put(routedConfig("acme")), "Replace": r.Replace(nil)} {
		if !errors.Is(err, CodeConfigInvalid) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	if err := NewRouter(nil).Put(routedConfig("acme")); !errors.Is(err, CodeConfigInvalid) {
		t.Errorf("without BaseURL and redirect URI: error is %v", err)
	}
}

func TestRouterReplace(t *testing.T) {
	t.Parallel()
	r := routerWith(t, routedConfig("acme", "acme.test"), routedConfig("gone", "gone.test"))
	// acme.test moves to other, which Put would refuse.
	if err := r.Replace([]Config{routedConfig("other", "acme.test"), routedConfig("acme", "moved.test")}); err != nil {
		t.Fatal(err)
	}
	for domain, id := range map[string]string{"acme.test": "other", "moved.test": "acme", "gone.test": ""} {
		if got := routedTo(t, r, domain); got != id {
			t.Errorf("%s is routed to %q, want %q", domain, got, id)
		}
	}
	if got := connectorIDs(r); got != "[acme other]" {
		t.Errorf("Connectors gives %s", got)
	}
	if err := r.Replace(nil); err != nil || len(r.Connectors()) != 0 {
		t.Errorf("with nothing: %v", err)
	}
}

func TestRouterReplaceReportsAllAndChangesNothing(t *testing.T) {
	t.Parallel()
	r := routerWith(t, routedConfig("acme", "acme.test"))
	before := r.Connectors()
	noIssuer := routedConfig("noissuer", "a.test")
	noIssuer.Issuer = ""
	sameURI := routedConfig("sameuri")
	sameURI.RedirectURL = "https://app.test/sso/callback/one"
	err := r.Replace([]Config{
		routedConfig("one", "one.test", "*.one.test"),
		noIssuer,
		routedConfig("one", "again.test"),
		routedConfig("two", "one.test", "*.one.test"),
		sameURI,
		routedConfig("fine", "fine.test"),
	})
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("error is %v", err)
	}
	var got []string
	for _, err := range joined.Unwrap() {
		switch e := err.(type) {
		case *ConfigError:
			got = append(got, e.Connector+" "+e.Fields[0].Field)
		case *Error:
			got = append(got, e.Connector+" "+string(e.Code))
		default:
			t.Errorf("unexpected type: %T", err)
		}
	}
	want := []string{"noissuer issuer", "one id", "two domain_conflict", "two domain_conflict", "sameuri redirect_url"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if !slices.Equal(r.Connectors(), before) || routedTo(t, r, "fine.test") != "" {
		t.Error("the router changed")
	}
}
