package accounts_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/accounts"
)

// TestRule has a row for every line of the table at Resolve, and for what makes a line true.
func TestRule(t *testing.T) {
	t.Parallel()
	const email = "ann@acme.example"
	key := person("ann", email).Key()
	// old is the usual account from before single sign-on, which may be linked.
	old := accounts.Candidate[string]{User: "old", Email: email, EmailVerified: true, Unclaimed: true}
	but := func(change func(*accounts.Candidate[string])) []accounts.Candidate[string] {
		c := old
		change(&c)
		return []accounts.Candidate[string]{c}
	}
	noClaim := with(person("ann", email), func(id *oidcsso.Identity) { id.Domain.ClaimID = "" })

	for _, test := range []struct {
		name    string
		id      *oidcsso.Identity // default: ann of acme.example
		known   string            // what ByKey finds
		found   []accounts.Candidate[string]
		noEmail bool // no ByEmail
		noJIT   bool // no Create
		want    string
		reason  accounts.Reason
		did     []string
	}{
		{name: "the key has an account", known: "own", want: "own", did: []string{"key"}},
		{name: "the key has an account, and the address is now that of another one", known: "own", found: []accounts.Candidate[string]{old}, want: "own", did: []string{"key"}},
		{name: "the key has an account, and no address came this time", id: stranger("acme", acme, "ann", oidcsso.EmailAbsent), known: "own", want: "own", did: []string{"key"}},

		{name: "the key has an account, and the domain is frozen", id: inDomain("ann", oidcsso.DomainFrozen), known: "own", found: []accounts.Candidate[string]{old}, want: "own", did: []string{"key"}},
		{name: "frozen: nobody new", id: inDomain("ann", oidcsso.DomainFrozen), reason: accounts.ReasonDomainFrozen, did: []string{"key"}},
		{name: "the key has an account, and the domain has lapsed", id: inDomain("ann", oidcsso.DomainLapsed), known: "own", want: "own", did: []string{"key"}},
		{name: "lapsed: nobody new", id: inDomain("ann", oidcsso.DomainLapsed), reason: accounts.ReasonDomainFrozen, did: []string{"key"}},
		{name: "lapsed: no link", id: inDomain("ann", oidcsso.DomainLapsed), noJIT: true, found: []accounts.Candidate[string]{old}, reason: accounts.ReasonDomainFrozen, did: []string{"key"}},
		{name: "frozen: no link", id: inDomain("ann", oidcsso.DomainFrozen), noJIT: true, found: []accounts.Candidate[string]{old}, reason: accounts.ReasonDomainFrozen, did: []string{"key"}},
		{name: "frozen: no link, though an address came along", id: with(inDomain("ann", oidcsso.DomainFrozen), func(id *oidcsso.Identity) { id.Email = email }), found: []accounts.Candidate[string]{old}, reason: accounts.ReasonDomainFrozen, did: []string{"key"}},

		{name: "no trusted address, accounts are made", id: stranger("acme", acme, "ann", oidcsso.EmailUnverified), found: []accounts.Candidate[string]{old}, want: "new", did: []string{"key", "create"}},
		{name: "no trusted address, accounts are not made", id: stranger("acme", acme, "ann", oidcsso.EmailGuest), noJIT: true, found: []accounts.Candidate[string]{old}, reason: accounts.ReasonEmailUntrusted, did: []string{"key"}},

		{name: "nobody has the address, accounts are made", want: "new", did: []string{"key", "email", "create"}},
		{name: "nobody has the address, accounts are not made", noJIT: true, reason: accounts.ReasonNoAccount, did: []string{"key", "email"}},
		{name: "the address is not looked at, accounts are made", noEmail: true, want: "new", did: []string{"key", "create"}},
		{name: "the address is not looked at, accounts are not made", noEmail: true, noJIT: true, reason: accounts.ReasonNoAccount, did: []string{"key"}},

		{name: "two accounts have the address", found: []accounts.Candidate[string]{old, old}, reason: accounts.ReasonAddressAmbiguous, did: []string{"key", "email"}},

		{name: "the database folded an umlaut of the domain", found: but(func(c *accounts.Candidate[string]) { c.Email = "ann@äcme.example" }), reason: accounts.ReasonAddressDiffers, did: []string{"key", "email"}},
		{name: "the database folded an accent before the @", found: but(func(c *accounts.Candidate[string]) { c.Email = "ánn@acme.example" }), reason: accounts.ReasonAddressDiffers, did: []string{"key", "email"}},
		{name: "the Kelvin sign is no k", id: person("kim", "kim@acme.example"), found: but(func(c *accounts.Candidate[string]) { c.Email = "\u212aim@acme.example" }), reason: accounts.ReasonAddressDiffers, did: []string{"key", "email"}},
		{name: "the query matched a prefix", found: but(func(c *accounts.Candidate[string]) { c.Email = email + ".evil.example" }), reason: accounts.ReasonAddressDiffers, did: []string{"key", "email"}},
		{name: "the query matched a pattern", id: person("a_n", "a_n@acme.example"), found: []accounts.Candidate[string]{old}, reason: accounts.ReasonAddressDiffers, did: []string{"key", "email"}},
		{name: "the account's address was not told", found: but(func(c *accounts.Candidate[string]) { c.Email = "" }), reason: accounts.ReasonAddressDiffers, did: []string{"key", "email"}},
		{name: "upper case before the @ is the same mailbox", found: but(func(c *accounts.Candidate[string]) { c.Email = "Ann@Acme.Example" }), want: "linked old", did: []string{"key", "email", "link", "key"}},

		{name: "linked to another identity of the connector: the address went to another person", found: but(func(c *accounts.Candidate[string]) {
			c.Links = []oidcsso.AccountKey{{Connector: "acme", Issuer: acme, Subject: "ann-before"}}
		}), reason: accounts.ReasonLinkedHere, did: []string{"key", "email"}},
		{name: "linked to the same subject of the connector's former issuer", found: but(func(c *accounts.Candidate[string]) {
			c.Links = []oidcsso.AccountKey{{Connector: "acme", Issuer: "https://before.idp.example", Subject: "ann"}}
		}), reason: accounts.ReasonLinkedHere, did: []string{"key", "email"}},
		{name: "linked to another connector", found: but(func(c *accounts.Candidate[string]) {
			c.Links = []oidcsso.AccountKey{{Connector: "evil", Issuer: acme, Subject: "ann"}}
		}), reason: accounts.ReasonLinkedElsewhere, did: []string{"key", "email"}},
		{name: "linked to a social login", found: but(func(c *accounts.Candidate[string]) {
			c.Links = []oidcsso.AccountKey{{Connector: "github", Subject: "4711"}}
		}), reason: accounts.ReasonLinkedElsewhere, did: []string{"key", "email"}},
		{name: "linked elsewhere, and here to another", found: but(func(c *accounts.Candidate[string]) {
			c.Links = []oidcsso.AccountKey{{Connector: "github", Subject: "4711"}, {Connector: "acme", Issuer: acme, Subject: "bob"}}
		}), reason: accounts.ReasonLinkedHere, did: []string{"key", "email"}},
		{name: "linked under the same claim, which does not outweigh the link", found: but(func(c *accounts.Candidate[string]) {
			c.ClaimID, c.Links = "claim-1", []oidcsso.AccountKey{{Connector: "acme", Issuer: acme, Subject: "bob"}}
		}), reason: accounts.ReasonLinkedHere, did: []string{"key", "email"}},
		{name: "linked to the key by now, and the key has still no account", found: but(func(c *accounts.Candidate[string]) {
			c.Links = []oidcsso.AccountKey{key}
		}), reason: accounts.ReasonConflict, did: []string{"key", "email", "key"}},

		{name: "a button's verified address", id: with(person("ann", email), func(id *oidcsso.Identity) { id.Domain = oidcsso.Domain{} }), found: []accounts.Candidate[string]{old}, reason: accounts.ReasonNoDomain, did: []string{"key", "email"}},
		{name: "a domain that is only claimed", id: with(person("ann", email), func(id *oidcsso.Identity) { id.Domain.State = oidcsso.DomainClaimed }), found: []accounts.Candidate[string]{old}, reason: accounts.ReasonNoDomain, did: []string{"key", "email"}},
		{name: "a button, to an account with its empty claim", id: with(person("ann", email), func(id *oidcsso.Identity) { id.Domain = oidcsso.Domain{ClaimID: "claim-1"} }), found: but(func(c *accounts.Candidate[string]) { c.ClaimID = "claim-1" }), reason: accounts.ReasonNoDomain, did: []string{"key", "email"}},

		{name: "a state that nobody knows", id: inDomain("ann", "Enforced"), found: []accounts.Candidate[string]{old}, reason: accounts.ReasonNoDomain, did: []string{"key", "email"}},
		{name: "verified: the account keeps its password", id: inDomain("ann", oidcsso.DomainVerified), found: []accounts.Candidate[string]{old}, reason: accounts.ReasonDomainNotEnforced, did: []string{"key", "email"}},
		{name: "routed: the account keeps its password", id: inDomain("ann", oidcsso.DomainRouted), found: []accounts.Candidate[string]{old}, reason: accounts.ReasonDomainNotEnforced, did: []string{"key", "email"}},
		{name: "report only: the account keeps its password", id: inDomain("ann", oidcsso.DomainReportOnly), found: []accounts.Candidate[string]{old}, reason: accounts.ReasonDomainNotEnforced, did: []string{"key", "email"}},
		{name: "routed: not under the same claim either", id: inDomain("ann", oidcsso.DomainRouted), found: but(func(c *accounts.Candidate[string]) { c.ClaimID = "claim-1" }), reason: accounts.ReasonDomainNotEnforced, did: []string{"key", "email"}},
		{name: "verified: whoever has no account gets one", id: inDomain("ann", oidcsso.DomainVerified), want: "new", did: []string{"key", "email", "create"}},
		{name: "report only: whoever has no account gets one", id: inDomain("ann", oidcsso.DomainReportOnly), want: "new", did: []string{"key", "email", "create"}},
		{name: "routed: the key has an account", id: inDomain("ann", oidcsso.DomainRouted), known: "own", found: []accounts.Candidate[string]{old}, want: "own", did: []string{"key"}},
		{name: "enforced: linked", id: inDomain("ann", oidcsso.DomainEnforced), found: []accounts.Candidate[string]{old}, want: "linked old", did: []string{"key", "email", "link", "key"}},

		{name: "the account never confirmed the address", found: but(func(c *accounts.Candidate[string]) { c.EmailVerified = false }), reason: accounts.ReasonAddressUnverified, did: []string{"key", "email"}},
		{name: "the account never confirmed the address, though the claim is the same", found: but(func(c *accounts.Candidate[string]) { c.EmailVerified, c.ClaimID = false, "claim-1" }), reason: accounts.ReasonAddressUnverified, did: []string{"key", "email"}},

		{name: "another claim", found: but(func(c *accounts.Candidate[string]) { c.ClaimID = "claim-0" }), reason: accounts.ReasonClaimDiffers, did: []string{"key", "email"}},
		{name: "another claim, while the account is called unclaimed", found: but(func(c *accounts.Candidate[string]) { c.ClaimID, c.Unclaimed = "claim-0", true }), reason: accounts.ReasonClaimDiffers, did: []string{"key", "email"}},
		{name: "a claim then, and none now", id: noClaim, found: but(func(c *accounts.Candidate[string]) { c.ClaimID = "claim-0" }), reason: accounts.ReasonClaimDiffers, did: []string{"key", "email"}},
		{name: "claims differ in case", found: but(func(c *accounts.Candidate[string]) { c.ClaimID = "Claim-1" }), reason: accounts.ReasonClaimDiffers, did: []string{"key", "email"}},
		{name: "nothing is said about claims", found: but(func(c *accounts.Candidate[string]) { c.Unclaimed = false }), reason: accounts.ReasonClaimUnknown, did: []string{"key", "email"}},
		{name: "nothing is said about claims, and there are none now", id: noClaim, found: but(func(c *accounts.Candidate[string]) { c.Unclaimed = false }), reason: accounts.ReasonClaimUnknown, did: []string{"key", "email"}},

		{name: "an account from before single sign-on, under a claim", found: []accounts.Candidate[string]{old}, want: "linked old", did: []string{"key", "email", "link", "key"}},
		{name: "an account from before single sign-on, domain asserted without a claim", id: noClaim, found: []accounts.Candidate[string]{old}, want: "linked old", did: []string{"key", "email", "link", "key"}},
		{name: "the same claim: the old links were removed to change the identity provider", found: but(func(c *accounts.Candidate[string]) { c.ClaimID, c.Unclaimed = "claim-1", false }), want: "linked old", did: []string{"key", "email", "link", "key"}},
		{name: "linking needs no Create", noJIT: true, found: []accounts.Candidate[string]{old}, want: "linked old", did: []string{"key", "email", "link", "key"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			id := test.id
			if id == nil {
				id = person("ann", email)
			}
			var did []string
			known := test.known
			a := &accounts.Accounts[string]{
				ByKey: func(_ context.Context, k oidcsso.AccountKey) (string, error) {
					did = append(did, "key")
					if k != id.Key() {
						t.Errorf("looked for the key %v", k)
					}
					if known == "" {
						return "", oidcsso.ErrNotFound
					}
					return known, nil
				},
				ByEmail: func(_ context.Context, address string) ([]accounts.Candidate[string], error) {
					did = append(did, "email")
					if address != id.Email {
						t.Errorf("looked for the address %q", address)
					}
					return test.found, nil
				},
				Link: func(_ context.Context, user string, got *oidcsso.Identity, lose []accounts.Credential) error {
					did = append(did, "link")
					if got != id || !slices.Equal(lose, everything) {
						t.Errorf("linked %v, to lose %v", got.Key(), lose)
					}
					known = "linked " + user
					return nil
				},
				Create: func(_ context.Context, got *oidcsso.Identity) (string, error) {
					did = append(did, "create")
					if got != id {
						t.Errorf("made an account for %v", got.Key())
					}
					return "new", nil
				},
			}
			if test.noEmail {
				a.ByEmail, a.Link = nil, nil
			}
			if test.noJIT {
				a.Create = nil
			}
			user, err := a.Resolve(t.Context(), id)
			if user != test.want {
				t.Errorf("account %q, want %q", user, test.want)
			}
			if !slices.Equal(did, test.did) {
				t.Errorf("called %q, want %q", did, test.did)
			}
			if test.reason == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantRefusal(t, err, test.reason)
		})
	}
}

func wantRefusal(t *testing.T, err error, reason accounts.Reason) {
	t.Helper()
	var refusal *accounts.Refusal
	if !errors.As(err, &refusal) || refusal.Reason != reason {
		t.Errorf("error %v, want %v", err, reason)
	}
}
