package oidcsso

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/oidcsso/oidcsso/internal/mailboxes"
)

// DomainState says how much a [Domain] may do. Many may claim a domain; in every other state it is one connector's.
type DomainState string

const (
	// DomainClaimed: somebody says that the domain is theirs. It is not routed, not enforced, and no address in it is
	// trusted, since many may claim what one owns. The zero value.
	DomainClaimed DomainState = ""
	// DomainVerified: it is proven that the domain is this connector's. Addresses in it are trusted, and nobody else's are.
	// Nobody is sent to the connector yet.
	DomainVerified DomainState = "verified"
	// DomainRouted: as verified, and people are offered the connector. Other ways in stay open.
	DomainRouted DomainState = "routed"
	// DomainReportOnly: as routed, and each attempt that enforcement would have stopped is an event.
	DomainReportOnly DomainState = "report_only"
	// DomainEnforced: the connector is the only way in.
	DomainEnforced DomainState = "enforced"
	// DomainAsserted: the same as enforced, on the word of the developer: see [AssertDomains].
	DomainAsserted DomainState = "asserted"
	// DomainFrozen: the proof is lost, and the domain may have another owner. It stays enforced, and whoever has an account
	// may sign in; addresses in it are not trusted any more, so that nobody new gets in and no account is linked.
	DomainFrozen DomainState = "frozen"
	// DomainLapsed: as frozen, of a domain that was not enforced: its people are offered nothing, and other ways stay open as
	// they were. A record that is removed must not shut out those who never signed in otherwise than with a password.
	DomainLapsed DomainState = "lapsed"
)

// owned says whether a domain in this state is one connector's alone. A state that nobody knows is as good as a claim.
func (s DomainState) owned() bool {
	return s.routes() || s == DomainVerified || s == DomainLapsed
}

// unproven says whether the proof is lost: the domain may have another owner by now, and no address in it is trusted.
func (s DomainState) unproven() bool { return s == DomainFrozen || s == DomainLapsed }

// routes says whether the domain's people are sent to the connector where they say who they are.
func (s DomainState) routes() bool {
	return s.enforces() || s == DomainRouted || s == DomainReportOnly
}

// enforces says whether the connector is the only way in for the domain's people.
func (s DomainState) enforces() bool {
	return s == DomainEnforced || s == DomainAsserted || s == DomainFrozen
}

// Domain is an email domain of a connector.
//
// From JSON a Domain is always a claim, whatever the document says: a form that a tenant filled in can be decoded into a
// [Config] and takes nothing from anybody. Decoders of other formats know no such care; don't let them fill in a Domain.
type Domain struct {
	// Name is the domain after the "@". Any notation is accepted; [NewConnector] makes it canonical, as [Address] has it.
	// "*.acme.example" means the same as "acme.example" with Wildcard.
	Name string
	// Wildcard means every name below Name, at any depth, and not Name itself. A name below that has an owner of its own, in
	// whatever state, is not covered: one that is only verified takes its people out of an enforced wildcard above it. A
	// backend that keeps domains itself should refuse that, as package connectorstore does. Default: Name alone.
	Wildcard bool
	// State is what the domain may do. Default: DomainClaimed, nothing.
	State DomainState
	// ClaimID is the backend's name of the claim or proof that State rests on. When a domain changes hands its ClaimID must
	// change, so that accounts of the old owner are not the new one's. Identities carry it. Default: none.
	ClaimID string
	// Since is when State became what it is. Default: unknown.
	Since time.Time
}

// AssertDomains says that somebody has made sure that these domains are the connector's: "acme.example", or
// "*.acme.example" for every name below it. Only the developer's own code may call it, never with names that a tenant
// typed and nobody checked. NewConnector checks the names.
func AssertDomains(names ...string) []Domain {
	domains := make([]Domain, len(names))
	for i, name := range names {
		domains[i] = Domain{Name: name, State: DomainAsserted}
		domains[i].readWildcard()
	}
	return domains
}

// readWildcard takes "*." off the name. It may be called again on what it gave; a name with two of them keeps both, and is none.
func (d *Domain) readWildcard() {
	name, ok := strings.CutPrefix(d.Name, "*.")
	switch {
	case strings.HasPrefix(name, "*."): //check:wildcard-twice
	case ok:
		d.Name, d.Wildcard = name, true
	}
}

// String is the name, with "*." before it for a wildcard.
func (d Domain) String() string {
	if d.Wildcard {
		return "*." + d.Name
	}
	return d.Name
}

// matches says whether the domain covers the canonical name.
func (d Domain) matches(name string) bool {
	if !d.Wildcard {
		return name == d.Name //check:domain-exact
	}
	below := len(name) - len(d.Name) - 1
	return below > 0 && name[below] == '.' && name[below+1:] == d.Name //check:domain-wildcard
}

// matchRoute gives the route of the owned domain that covers the canonical name: the exact one, else the longest wildcard;
// nil if there is none.
func matchRoute(routes []Route, name string) *Route {
	var longest *Route
	for i := range routes {
		switch d := &routes[i].Domain; {
		case !d.State.owned() || !d.matches(name): //check:domain-owned
		case !d.Wildcard:
			return &routes[i]
		case longest == nil || len(d.Name) > len(longest.Domain.Name):
			longest = &routes[i]
		}
	}
	return longest
}

// domainJSON is what is written; of it, only name and wildcard are ever read.
type domainJSON struct {
	Name     string    `json:"name"`
	Wildcard bool      `json:"wildcard"`
	State    string    `json:"state"`
	ClaimID  string    `json:"claim_id,omitempty"`
	Since    time.Time `json:"since,omitzero"`
}

// MarshalJSON gives an object with all that is set, for people and programs to look at; the state is spelled out.
func (d Domain) MarshalJSON() ([]byte, error) {
	state := string(d.State)
	if d.State == DomainClaimed {
		state = "claimed"
	}
	return json.Marshal(domainJSON{d.Name, d.Wildcard, state, d.ClaimID, d.Since})
}

// UnmarshalJSON reads "acme.example", "*.acme.example" or an object with name and wildcard. Everything else is left out:
// the result is a claim.
func (d *Domain) UnmarshalJSON(data []byte) error {
	*d = Domain{} // also for null, where a slice that is decoded into again would keep an asserted one
	var name string
	if json.Unmarshal(data, &name) != nil {
		var read struct {
			Name     string `json:"name"`
			Wildcard bool   `json:"wildcard"`
		}
		if json.Unmarshal(data, &read) != nil {
			return errors.New(`oidcsso: a domain is a string or an object with "name" and "wildcard"`)
		}
		name, d.Wildcard = read.Name, read.Wildcard
	}
	d.Name = name
	d.readWildcard()
	return nil
}

// checkDomains makes the names canonical and adds to invalid what can't be a connector's domain. allow is
// Options.AllowDomain or its default.
func checkDomains(invalid *ConfigError, domains []Domain, allow func(string) bool) []Domain {
	if len(domains) > maxDomains { //check:domain-count
		invalid.add("domains", "are too many", fmt.Sprintf("enter at most %d, or a wildcard", maxDomains))
		return nil
	}
	type key struct {
		name     string
		wildcard bool
	}
	seen := map[key]bool{}
	checked := make([]Domain, 0, len(domains))
	for i, d := range domains {
		field := fmt.Sprintf("domains[%d]", i)
		d.readWildcard()
		name, err := canonicalDomain(d.Name)
		if err != nil {
			invalid.add(field, fmt.Sprintf("%q is not a domain name", plain(d.String())), "enter what follows the @, such as acme.example, or *.acme.example for all names below it")
			continue
		}
		d.Name = name
		switch {
		case d.State != DomainClaimed && !d.State.owned(): //check:domain-state
			invalid.add(field, "has an unknown state", "use one of the constants of DomainState")
		case isPublicSuffix(name): //check:public-suffix
			invalid.add(field, "is a public suffix, under which everybody can have a name", "enter the company's own domain")
		case !allow(name): //check:mailbox-domain
			invalid.add(field, "is a public mailbox provider's or an identity provider's own domain", "enter the company's own domain; if this is it, the developer can allow it with Options.AllowDomain")
		case seen[key{name, d.Wildcard}]: //check:domain-twice
			invalid.add(field, "is there twice", "remove one of the two")
		}
		seen[key{name, d.Wildcard}] = true
		checked = append(checked, d)
	}
	return checked
}

// isPublicSuffix covers both sections of the list, registries' ("co.uk") and companies' ("github.io"), and the names below
// which every single one is a suffix ("kawasaki.jp", by the rule "*.kawasaki.jp").
func isPublicSuffix(name string) bool {
	if suffix, _ := publicsuffix.PublicSuffix(name); suffix == name {
		return true
	}
	below := "probe-0." + name // a label that no rule names
	suffix, _ := publicsuffix.PublicSuffix(below)
	return suffix == below
}

// allowedDomain is the default of Options.AllowDomain. A name below a refused one is refused as well: what is below a
// provider's domain is the provider's to hand out.
func allowedDomain(name string) bool {
	for {
		if mailboxes.Contains(name) || slices.Contains(providerDomains, name) {
			return false
		}
		_, parent, ok := strings.Cut(name, ".")
		if !ok {
			return true
		}
		name = parent
	}
}

// providerDomains are identity providers' own, most of them with a name for each customer below: whoever opens a trial has
// one, and what stands in front of it is no proof of anything.
var providerDomains = []string{
	"accounts.cloud.sap", "accounts.ondemand.com", "amazoncognito.com", "auth0.com", "authing.cn", "awsapps.com",
	"b2clogin.cn", "b2clogin.com", "ciamlogin.com", "cloudflareaccess.com", "descope.com", "duosecurity.com", "forgeblocks.com",
	"frontegg.com", "fusionauth.io", "googleusercontent.com", "gserviceaccount.com", "jumpcloud.com", "kinde.com", "logto.app",
	"microsoftonline.cn", "microsoftonline.com", "microsoftonline.us", "miniorange.com", "okta-emea.com", "okta-gov.com",
	"okta.com", "okta.mil", "oktapreview.com", "onelogin.com", "onmicrosoft.cn", "onmicrosoft.com", "onmicrosoft.de",
	"onmicrosoft.us", "onmschina.cn", "pingidentity.com", "pingone.asia", "pingone.ca", "pingone.com", "pingone.com.au",
	"pingone.eu", "secureauth.com", "trial-accounts.ondemand.com", "workos.com", "zitadel.cloud",
}
