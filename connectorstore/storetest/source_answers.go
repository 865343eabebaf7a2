package storetest

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso"
)

func sourceMatch(t *testing.T, make NewSubject) {
	s := make.start(t,
		asserted("acme", "acme.example", "xn--bcher-kva.example"),
		asserted("wild", "*.wild.example", "*.deep.wild.example"),
		asserted("eu", "eu.wild.example", "*.eu.wild.example"),
	)
	for _, row := range []struct{ name, domain, id, entry string }{
		{"exact", "acme.example", "acme", "acme.example"},
		{"exact, as DNS writes it", "xn--bcher-kva.example", "acme", "xn--bcher-kva.example"},
		{"a name that ends with the domain", "notacme.example", "", ""},
		{"a name that begins with the domain", "acme.example.evil.example", "", ""},
		{"a name below an exact domain", "sub.acme.example", "", ""},
		{"a name above", "example.acme", "", ""},
		{"rn for m", "acrne.example", "", ""},
		{"a shorter name", "cme.example", "", ""},
		{"another name under the same top", "acme.test", "", ""},
		{"below a wildcard", "us.wild.example", "wild", "*.wild.example"},
		{"far below a wildcard", "a.b.c.d.wild.example", "wild", "*.wild.example"},
		{"the wildcard's own name", "wild.example", "", ""},
		{"a name that ends with the wildcard's", "notwild.example", "", ""},
		{"a longer wildcard", "x.deep.wild.example", "wild", "*.deep.wild.example"},
		{"far below a longer wildcard", "a.b.c.deep.wild.example", "wild", "*.deep.wild.example"},
		{"the longer wildcard's own name", "deep.wild.example", "wild", "*.wild.example"},
		{"exact below another's wildcard", "eu.wild.example", "eu", "eu.wild.example"},
		{"below another's longer wildcard", "de.eu.wild.example", "eu", "*.eu.wild.example"},
		{"not quite the longer one", "neu.wild.example", "wild", "*.wild.example"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.id == "" {
				s.wantNobody(t, row.domain)
				return
			}
			s.wantRoute(t, row.domain, row.id, row.entry)
		})
	}
}

// ownedStates are all but claimed.
var ownedStates = []oidcsso.DomainState{oidcsso.DomainVerified, oidcsso.DomainRouted, oidcsso.DomainReportOnly,
	oidcsso.DomainEnforced, oidcsso.DomainAsserted, oidcsso.DomainFrozen, oidcsso.DomainLapsed}

// The state is not judged by the Source: it must come as it is, and all but a claim must come.
func sourceStates(t *testing.T, make NewSubject) {
	for _, disabled := range []bool{false, true} {
		for _, state := range ownedStates {
			name := string(state)
			if disabled {
				name += ", of a disabled connector"
			}
			t.Run(name, func(t *testing.T) {
				cfg := company("acme", state, "acme.example", "*.acme.example")
				cfg.Disabled = disabled
				s := make.start(t, cfg, company("squatter", oidcsso.DomainClaimed, "acme.example", "*.acme.example"))
				if !slices.Contains(s.States, state) {
					t.Skip("the storage does not know the state")
				}
				for domain, entry := range map[string]string{"acme.example": "acme.example", "a.b.acme.example": "*.acme.example"} {
					s.wantRoute(t, domain, "acme", entry)
					route, err := s.Source.Route(t.Context(), domain)
					if err != nil || route.Domain.State != state || route.Connector.Disabled() != disabled {
						t.Errorf("Route(%q) = %+v, %v; want the state %q, disabled %v", domain, route, err, state, disabled)
					}
				}
			})
		}
	}
	t.Run("claimed", func(t *testing.T) {
		s := make.start(t, company("squatter", oidcsso.DomainClaimed, "acme.example", "*.acme.example"))
		s.wantNobody(t, "acme.example")
		s.wantNobody(t, "sub.acme.example")
		s.wantConnector(t, "squatter")
	})
}

func sourceConnectors(t *testing.T, make NewSubject) {
	off := asserted("off", "off.example")
	off.Disabled = true
	s := make.start(t, asserted("acme", "acme.example"), off, company("bare", oidcsso.DomainClaimed))
	for _, id := range []string{"acme", "off", "bare"} {
		c := s.wantConnector(t, id)
		if cfg := c.Config(); cfg.Issuer != "https://"+id+".idp.example" || cfg.ClientID != "client-"+id || cfg.Disabled != (id == "off") {
			t.Errorf("%s: %+v", id, cfg)
		}
	}
	s.wantRoute(t, "off.example", "off", "off.example")
	for _, id := range []string{"", "nobody", "acme.example"} {
		s.wantNoConnector(t, id)
	}
	for _, id := range []string{strings.ToUpper(s.ID("acme")), s.ID("acme") + " ", " " + s.ID("acme"), s.ID("acme")[1:], s.ID("acme") + "x"} {
		s.wantNoConnector(t, id)
	}
}

// hostileTexts are what somebody may put into a URL or an email address.
var hostileTexts = map[string]string{
	"a null byte":             "\x00",
	"a null byte at the end":  "acme.example\x00",
	"a null byte within":      "acme\x00.example",
	"SQL":                     "' OR '1'='1",
	"SQL with a comment":      "acme.example'--",
	"SQL that drops a table":  `"; DROP TABLE oidcsso_connectors; --`,
	"the wildcards of LIKE":   "%",
	"the other one":           "____.example",
	"a star":                  "*",
	"a wildcard":              "*.acme.example",
	"placeholders":            "$1 ? :id @id",
	"invalid UTF-8":           "acme\xff.example",
	"a surrogate":             "\xed\xa0\x80",
	"10 kB":                   strings.Repeat("a", 10_000),
	"10 kB of labels":         strings.Repeat("a.", 5_000) + "acme.example",
	"a path":                  "../../etc/passwd",
	"line breaks":             "acme.example\r\nSet-Cookie: a=b",
	"an empty label":          "acme..example",
	"a leading dot":           ".acme.example",
	"a Cyrillic letter":       "аcme.example",
	"an emoji":                "🦊",
	"only a dot":              ".",
	"a backslash":             `acme.example\`,
	"a text direction's mark": "\u202eacme.example",
}

func sourceHostile(t *testing.T, make NewSubject) {
	s := make.start(t, asserted("acme", "acme.example", "*.acme.example"))
	for name, text := range hostileTexts {
		t.Run(name, func(t *testing.T) {
			s.wantNoConnector(t, text)
			s.wantNoConnector(t, s.ID("acme")+text)
			if route, err := s.Source.Route(t.Context(), text); err == nil || route != nil {
				t.Errorf("Route(%.40q) = %+v, %v", text, route, err)
			}
		})
	}
	// The question is canonical; whoever answers others too must answer rightly.
	for _, text := range []string{"ACME.example", "acme.example.", "acme。example", "ac\u00adme.example"} {
		route, err := s.Source.Route(t.Context(), text)
		if (err == nil) != (route != nil) || route != nil && route.Domain.String() != "acme.example" {
			t.Errorf("Route(%q) = %+v, %v", text, route, err)
		}
	}
	s.wantRoute(t, "acme.example", "acme", "acme.example")
}

func sourceConsistent(t *testing.T, make NewSubject) {
	s := make.start(t, asserted("acme", "acme.example", "*.acme.example"), asserted("other", "other.example"))
	for domain, id := range map[string]string{"acme.example": "acme", "sub.acme.example": "acme", "other.example": "other"} {
		route, err := s.Source.Route(t.Context(), domain)
		if err != nil {
			t.Fatal(err)
		}
		byID, byRoute := s.wantConnector(t, id).Config(), route.Connector.Config()
		if byID.ID != byRoute.ID || byID.Issuer != byRoute.Issuer || byID.ClientID != byRoute.ClientID || byID.Name != byRoute.Name {
			t.Errorf("%s: by ID %+v, by domain %+v", domain, byID, byRoute)
		}
		found := 0
		for _, d := range byRoute.Domains {
			if d.String() == route.Domain.String() && d.State == route.Domain.State && d.ClaimID == route.Domain.ClaimID {
				found++
			}
		}
		if found != 1 {
			t.Errorf("%s: the Domain %+v is %d times among %+v", domain, route.Domain, found, byRoute.Domains)
		}
	}
}

// sourceCancelled: whoever has given up must not be told that there is no single sign-on.
func sourceCancelled(t *testing.T, make NewSubject) {
	s := make.start(t, asserted("acme", "acme.example"))
	ctx, cancel := cancelled(t)
	defer cancel()
	s.wantNoLies(t, ctx)
	s.wantRoute(t, "acme.example", "acme", "acme.example") // nothing was remembered
	s.wantConnector(t, "acme")
}

func isNotFound(err error) bool { return errors.Is(err, oidcsso.ErrNotFound) }
