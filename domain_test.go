package oidcsso

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

func everyDomain(string) bool { return true }

// every state of a domain that is one connector's.
var ownedStates = []DomainState{DomainVerified, DomainRouted, DomainReportOnly, DomainEnforced, DomainAsserted, DomainFrozen, DomainLapsed}

// strangeStates must count as claims wherever one gets by the check of a Config: from a Source of the backend's own.
var strangeStates = []DomainState{"claimed", "Enforced", "enforced ", "ASSERTED", "owned", "\x00"}

func TestDomainStates(t *testing.T) {
	t.Parallel()
	for state, want := range map[DomainState]struct{ owned, routes, enforces bool }{
		DomainClaimed:    {},
		DomainVerified:   {owned: true},
		DomainRouted:     {owned: true, routes: true},
		DomainReportOnly: {owned: true, routes: true},
		DomainEnforced:   {owned: true, routes: true, enforces: true},
		DomainAsserted:   {owned: true, routes: true, enforces: true},
		DomainFrozen:     {owned: true, routes: true, enforces: true},
		DomainLapsed:     {owned: true},
	} {
		if state.owned() != want.owned || state.routes() != want.routes || state.enforces() != want.enforces {
			t.Errorf("%q: owned %t, routes %t, enforces %t", state, state.owned(), state.routes(), state.enforces())
		}
	}
	for _, state := range strangeStates {
		if state.owned() || state.routes() || state.enforces() {
			t.Errorf("%q counts for something", state)
		}
	}
}

// Whatever its state was, a Domain that went through JSON is a claim.
func TestNoStateComesFromJSON(t *testing.T) {
	t.Parallel()
	for _, state := range ownedStates {
		text, err := json.Marshal(Domain{Name: "acme.test", State: state, ClaimID: "c1"})
		if err != nil || !strings.Contains(string(text), `"state":"`+string(state)+`"`) {
			t.Errorf("%q: written as %s, %v", state, text, err)
		}
		back := Domain{Name: "own.test", State: state}
		if err := json.Unmarshal(text, &back); err != nil || back != (Domain{Name: "acme.test"}) {
			t.Errorf("%q: read back %+v, %v", state, back, err)
		}
	}
}

func TestAssertDomains(t *testing.T) {
	t.Parallel()
	got := AssertDomains("acme.example", "*.acme.example", " spaced ")
	want := []Domain{
		{Name: "acme.example", State: DomainAsserted},
		{Name: "acme.example", Wildcard: true, State: DomainAsserted},
		{Name: " spaced ", State: DomainAsserted}, // NewConnector refuses it
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	if got[0].String() != "acme.example" || got[1].String() != "*.acme.example" {
		t.Errorf("String gives %q and %q", got[0], got[1])
	}
}

func TestDomainFromJSONIsAClaim(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, text string
		want       []Domain
	}{
		{"string", `["acme.example"]`, []Domain{{Name: "acme.example"}}},
		{"wildcard string", `["*.acme.example"]`, []Domain{{Name: "acme.example", Wildcard: true}}},
		{"object", `[{"name": "acme.example", "wildcard": true}]`, []Domain{{Name: "acme.example", Wildcard: true}}},
		{"wildcard in the name of an object", `[{"name": "*.acme.example"}]`, []Domain{{Name: "acme.example", Wildcard: true}}},
		{"asserted by a form", `[{"name": "victim.example", "state": "asserted"}]`, []Domain{{Name: "victim.example"}}},
		{"asserted in another case", `[{"Name": "victim.example", "STATE": "asserted", "State": "asserted"}]`, []Domain{{Name: "victim.example"}}},
		{"somebody else's claim", `[{"name": "victim.example", "claim_id": "c1", "ClaimID": "c1", "since": "2020-01-01T00:00:00Z"}]`,
			[]Domain{{Name: "victim.example"}}},
		{"null", `[null]`, []Domain{{}}},
		{"empty object", `[{}]`, []Domain{{}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			// Into a slice that already has an asserted domain, which encoding/json would decode over.
			got := AssertDomains("own.example")
			if err := json.Unmarshal([]byte(row.text), &got); err != nil || !reflect.DeepEqual(got, row.want) {
				t.Errorf("got %+v, %v, want %+v", got, err, row.want)
			}
		})
	}
	for _, text := range []string{`[1]`, `[true]`, `[["acme.example"]]`, `[{"name": 1}]`, `[{"name": "acme.example", "wildcard": "yes"}]`} {
		got := []Domain{}
		if err := json.Unmarshal([]byte(text), &got); err == nil || !strings.Contains(err.Error(), "a domain is a string or an object") {
			t.Errorf("%s: error is %v", text, err)
		}
	}
}

func TestDomainToJSON(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		domain Domain
		want   string
	}{
		{Domain{Name: "acme.example"}, `{"name":"acme.example","wildcard":false,"state":"claimed"}`},
		{Domain{"acme.example", true, DomainAsserted, "c1", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
			`{"name":"acme.example","wildcard":true,"state":"asserted","claim_id":"c1","since":"2026-01-02T03:04:05Z"}`},
	} {
		got, err := json.Marshal(row.domain)
		if err != nil || string(got) != row.want {
			t.Errorf("got %s, %v, want %s", got, err, row.want)
		}
		var back Domain
		if err := json.Unmarshal(got, &back); err != nil || back != (Domain{Name: row.domain.Name, Wildcard: row.domain.Wildcard}) {
			t.Errorf("read back: %+v, %v", back, err)
		}
	}
}

func TestCheckDomainsAccepted(t *testing.T) {
	t.Parallel()
	since := time.Unix(1, 0)
	domains := []Domain{
		{Name: "ACME.Test."},
		{Name: "*.acme.test", State: DomainAsserted, ClaimID: "c1", Since: since},
		{Name: "Bücher.test"},
		{Name: "city.kawasaki.jp"}, // an exception from the rule "*.kawasaki.jp"
		{Name: "acme.co.uk"},
		{Name: "acme.github.io"},
		{Name: "acme.internal"},
		{Name: "verified.test", State: DomainVerified},
		{Name: "routed.test", State: DomainRouted},
		{Name: "reported.test", State: DomainReportOnly},
		{Name: "enforced.test", State: DomainEnforced},
		{Name: "frozen.test", State: DomainFrozen},
		{Name: "lapsed.test", State: DomainLapsed},
	}
	before := append([]Domain(nil), domains...)
	invalid := &ConfigError{}
	got := checkDomains(invalid, domains, allowedDomain)
	want := []Domain{
		{Name: "acme.test"},
		{Name: "acme.test", Wildcard: true, State: DomainAsserted, ClaimID: "c1", Since: since},
		{Name: "xn--bcher-kva.test"},
		{Name: "city.kawasaki.jp"},
		{Name: "acme.co.uk"},
		{Name: "acme.github.io"},
		{Name: "acme.internal"},
		{Name: "verified.test", State: DomainVerified},
		{Name: "routed.test", State: DomainRouted},
		{Name: "reported.test", State: DomainReportOnly},
		{Name: "enforced.test", State: DomainEnforced},
		{Name: "frozen.test", State: DomainFrozen},
		{Name: "lapsed.test", State: DomainLapsed},
	}
	if !reflect.DeepEqual(got, want) || len(invalid.Fields) > 0 {
		t.Errorf("got %+v and %v", got, invalid)
	}
	if !reflect.DeepEqual(domains, before) {
		t.Errorf("the caller's domains were changed: %+v", domains)
	}
}

func TestCheckDomainsRefused(t *testing.T) {
	t.Parallel()
	const (
		noName   = "is not a domain name"
		suffix   = "is a public suffix, under which everybody can have a name"
		provider = "is a public mailbox provider's or an identity provider's own domain"
		twice    = "is there twice"
	)
	for _, row := range []struct {
		name    string
		domains []Domain
		field   string
		message string
	}{
		{"empty", AssertDomains(""), "domains[0]", noName},
		{"star alone", AssertDomains("*"), "domains[0]", noName},
		{"star and dot", AssertDomains("*."), "domains[0]", noName},
		{"everything", AssertDomains("*.*"), "domains[0]", noName},
		{"two stars", AssertDomains("*.*.acme.example"), "domains[0]", noName},
		{"two stars, not asserted", []Domain{{Name: "*.*.acme.example"}}, "domains[0]", noName},
		{"three stars", AssertDomains("*.*.*.acme.example"), "domains[0]", noName},
		{"star within", AssertDomains("a.*.test"), "domains[0]", noName},
		{"star without dot", AssertDomains("*acme.test"), "domains[0]", noName},
		{"single label", AssertDomains("test"), "domains[0]", noName},
		{"wildcard of a top-level domain", AssertDomains("*.com"), "domains[0]", noName},
		{"address", AssertDomains("ada@acme.test"), "domains[0]", noName},
		{"URL", AssertDomains("https://acme.test"), "domains[0]", noName},
		{"IP address", AssertDomains("1.2.3.4"), "domains[0]", noName},
		{"space", AssertDomains("acme.test "), "domains[0]", noName},
		{"two names in one", AssertDomains("acme.test,free.test"), "domains[0]", noName},
		{"A-label of plain ASCII", AssertDomains("xn--acme-.test"), "domains[0]", noName},

		{"registry's suffix", AssertDomains("acme.test", "co.uk"), "domains[1]", suffix},
		{"registry's suffix as a wildcard", AssertDomains("*.co.uk"), "domains[0]", suffix},
		{"registry's suffix in another notation", AssertDomains("CO.UK."), "domains[0]", suffix},
		{"suffix as an IDN", AssertDomains("公司.cn"), "domains[0]", suffix},
		{"company's suffix", AssertDomains("github.io"), "domains[0]", suffix},
		{"suffix by a wildcard rule", AssertDomains("any.kawasaki.jp"), "domains[0]", suffix},
		{"name above suffixes by a wildcard rule", AssertDomains("*.kawasaki.jp"), "domains[0]", suffix},

		{"mailbox provider", AssertDomains("gmail.com"), "domains[0]", provider},
		{"mailbox provider in another notation", AssertDomains("ＧMAIL.com."), "domains[0]", provider},
		{"mailbox provider as a wildcard", AssertDomains("*.yahoo.com"), "domains[0]", provider},
		{"name below a mailbox provider", AssertDomains("mail.gmail.com"), "domains[0]", provider},
		{"claimed only", []Domain{{Name: "gmail.com"}}, "domains[0]", provider},
		{"Entra tenant", AssertDomains("acme.onmicrosoft.com"), "domains[0]", provider},
		{"all Entra tenants", AssertDomains("*.onmicrosoft.com"), "domains[0]", provider},
		{"Okta tenant", AssertDomains("acme.okta.com"), "domains[0]", provider},
		{"deep below a provider", AssertDomains("a.b.eu.auth0.com"), "domains[0]", provider},

		{"same name", AssertDomains("acme.test", "acme.test"), "domains[1]", twice},
		{"same name in another notation", AssertDomains("acme.test", "ａCME.test."), "domains[1]", twice},
		{"same wildcard", []Domain{{Name: "*.acme.test"}, {Name: "acme.test", Wildcard: true}}, "domains[1]", twice},
		{"same name, claimed and asserted", []Domain{{Name: "acme.test"}, {Name: "acme.test", State: DomainAsserted}}, "domains[1]", twice},

		{"unknown state", []Domain{{Name: "acme.test", State: "approved"}}, "domains[0]", "has an unknown state"},
		{"a state in another case", []Domain{{Name: "acme.test", State: "Enforced"}}, "domains[0]", "has an unknown state"},
		{"same name, verified and enforced", []Domain{{Name: "acme.test", State: DomainVerified}, {Name: "acme.test", State: DomainEnforced}}, "domains[1]", twice},
		{"claimed, spelled out", []Domain{{Name: "acme.test", State: "claimed"}}, "domains[0]", "has an unknown state"},
		{"too many", make([]Domain, maxDomains+1), "domains", "are too many"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			invalid := &ConfigError{}
			checkDomains(invalid, row.domains, allowedDomain)
			if len(invalid.Fields) != 1 || invalid.Fields[0].Field != row.field || !strings.HasSuffix(invalid.Fields[0].Message, row.message) || invalid.Fields[0].Remedy == "" {
				t.Errorf("got %+v, want %s: %s", invalid.Fields, row.field, row.message)
			}
		})
	}
}

func TestCheckDomainsReportsAll(t *testing.T) {
	t.Parallel()
	invalid := &ConfigError{}
	checkDomains(invalid, AssertDomains("gmail.com", "acme.test", "co.uk", "x"), allowedDomain)
	var fields []string
	for _, f := range invalid.Fields {
		fields = append(fields, f.Field)
	}
	if got := fmt.Sprint(fields); got != "[domains[0] domains[2] domains[3]]" {
		t.Errorf("got %s", got)
	}
}

// AllowDomain replaces the list of providers, gets canonical names, and can't open a public suffix.
func TestCheckDomainsAllow(t *testing.T) {
	t.Parallel()
	invalid := &ConfigError{}
	var asked []string
	checkDomains(invalid, AssertDomains("Gmail.com.", "*.acme.test"), func(name string) bool {
		asked = append(asked, name)
		return true
	})
	if len(invalid.Fields) > 0 || fmt.Sprint(asked) != "[gmail.com acme.test]" {
		t.Errorf("got %+v, asked for %v", invalid.Fields, asked)
	}
	checkDomains(invalid, AssertDomains("co.uk"), everyDomain)
	if len(invalid.Fields) != 1 {
		t.Errorf("a public suffix was allowed")
	}
}

func TestAllowedDomain(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"acme.test": true, "google.com": true, "microsoft.com": true, "notgmail.com": true, "gmail.com.acme.test": true,
		"notokta.com": true, "okta.com.acme.test": true,
		"gmail.com": false, "x.gmail.com": false, "onmicrosoft.com": false, "acme.onmicrosoft.com": false,
		"acme.eu.auth0.com": false, "login.microsoftonline.com": false, "eu-1.amazoncognito.com": false,
	} {
		if allowedDomain(name) != want {
			t.Errorf("allowedDomain(%q) is %v", name, !want)
		}
	}
}

func TestProviderDomains(t *testing.T) {
	t.Parallel()
	for i, name := range providerDomains {
		if got, err := canonicalDomain(name); err != nil || got != name {
			t.Errorf("%q is not canonical", name)
		}
		if i > 0 && providerDomains[i-1] >= name {
			t.Errorf("%q is not in order", name)
		}
	}
}

func TestMatchDomain(t *testing.T) {
	t.Parallel()
	domains := append(AssertDomains("*.acme.test", "eu.acme.test", "*.eu.acme.test", "exact.test", "*.acme.test.free.test"),
		Domain{Name: "claimed.test"}, Domain{Name: "claimed.test", Wildcard: true}, Domain{Name: "de.eu.acme.test"}, Domain{Name: "strange.test", State: "strange"})
	for _, state := range ownedStates {
		name := strings.ReplaceAll(string(state), "_", "-")
		domains = append(domains, Domain{Name: name + ".acme.test", State: state}, Domain{Name: name + ".test", Wildcard: true, State: state})
	}
	var routes []Route
	for _, d := range domains {
		routes = append(routes, Route{Domain: d})
	}
	for name, want := range map[string]string{
		"exact.test":            "exact.test",
		"sub.exact.test":        "",
		"notexact.test":         "",
		"acme.test":             "",
		"us.acme.test":          "*.acme.test",
		"a.b.c.acme.test":       "*.acme.test",
		"eu.acme.test":          "eu.acme.test",
		"de.eu.acme.test":       "*.eu.acme.test", // the exact one is only claimed
		"neu.acme.test":         "*.acme.test",
		"notacme.test":          "",
		".acme.test":            "",
		"x.acme.test.free.test": "*.acme.test.free.test",
		"claimed.test":          "",
		"sub.claimed.test":      "",
		"strange.test":          "",
		"verified.acme.test":    "verified.acme.test", // not the wildcard, which is enforced
		"report-only.acme.test": "report-only.acme.test",
		"frozen.acme.test":      "frozen.acme.test",
		"x.verified.test":       "*.verified.test",
		"x.routed.test":         "*.routed.test",
		"x.frozen.test":         "*.frozen.test",
		"test":                  "",
		"":                      "",
	} {
		got := matchRoute(routes, name)
		if (got != nil) != (want != "") || got != nil && got.Domain.String() != want {
			t.Errorf("%q matches %v, want %q", name, got, want)
		}
	}
}
