package dbtest

import (
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

func (o *owners) passwords(t *testing.T) func(address string) string {
	l := o.NewLive(nil)
	sync1(t, l)
	return func(address string) string { return password(t.Context(), l, address) }
}

// A company enforces single sign-on for every name below its domain. Whoever can prove one of them, because it was delegated to
// them once and forgotten, must not open passwords for the people there.
func TestBelowAnothersWildcard(t *testing.T) {
	for _, domain := range []string{"eu.acme.example", "a.b.eu.acme.example", "*.eu.acme.example"} {
		t.Run(domain, func(t *testing.T) {
			t.Parallel()
			Each(t, func(t *testing.T, e Engine) {
				for _, tenant := range []string{"acme", ""} {
					for _, state := range []oidcsso.DomainState{"verified", "enforced"} {
						o, ctx := newOwners(t, e), t.Context()
						acme := must2(o.Create(ctx, tenant, oidcsso.Config{Issuer: "https://acme.okta.com", ClientID: "x"}))(t)
						o.owned(acme.ID, "*.acme.example", state)
						for _, other := range []string{"rival", ""} {
							rival := must2(o.Create(ctx, other, oidcsso.Config{Issuer: "https://rival.okta.com", ClientID: "x"}))(t)
							rival = must2(o.SetState(ctx, rival.ID, rival.Revision, connectorstore.StateActive))(t)
							c := o.claim(rival.ID, domain)
							o.dns.publish(c)
							_, err := o.Verify(ctx, c.ID)
							refused(t, err, connectorstore.CodeDomainOwned)
							if strings.Contains(err.Error(), acme.ID) || strings.Contains(err.Error(), "*.acme.example") {
								t.Errorf("%v says who owns it", err)
							}
							o.has(rival.ID, "")
						}
					}
				}
			})
		})
	}
}

// The same customer may have the name, and nobody gets in another way than before.
func TestBelowOnesOwnWildcard(t *testing.T) {
	for state, want := range map[oidcsso.DomainState]oidcsso.DomainState{
		"verified": "verified", "routed": "routed", "report_only": "report_only", "enforced": "enforced",
		oidcsso.DomainFrozen: "enforced", oidcsso.DomainLapsed: "verified",
	} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			Each(t, func(t *testing.T, e Engine) {
				o, ctx := newOwners(t, e), t.Context()
				acme, second := o.connector("acme"), o.connector("acme")
				var wildcard connectorstore.Claim
				switch state {
				case oidcsso.DomainFrozen:
					wildcard = o.owned(acme.ID, "*.acme.example", oidcsso.DomainEnforced)
					must(t)(o.Freeze(ctx, wildcard.ID))
				case oidcsso.DomainLapsed:
					wildcard = o.owned(acme.ID, "*.acme.example", oidcsso.DomainRouted)
					must(t)(o.Freeze(ctx, wildcard.ID))
				default:
					wildcard = o.owned(acme.ID, "*.acme.example", state)
				}
				before := o.passwords(t)("a@eu.acme.example")
				c := o.claim(second.ID, "eu.acme.example")
				own := o.claim(acme.ID, "us.acme.example")
				o.dns.publish(c)
				o.dns.publish(own)
				c, own = must(t)(o.Verify(ctx, c.ID)), must(t)(o.Verify(ctx, own.ID))
				if c.State != want || own.State != want {
					t.Errorf("below %s it is %s, and %s with the same connector", state, c.State, own.State)
				}
				ask := o.passwords(t)
				if us := ask("a@us.acme.example"); us != before || (ask("a@eu.acme.example") == "open") != (before == "open") {
					t.Errorf("%s and %s, was %s", ask("a@eu.acme.example"), us, before)
				}
				o.events.has(t, "domain_verified", "claim="+c.ID, "state="+string(want))

				states := []oidcsso.DomainState{"verified", "routed", "report_only", "enforced"}
				weaker := true
				for _, to := range states {
					if to == want {
						weaker = false
						continue
					}
					d, err := o.SetDomainState(ctx, c.ID, c.State, to)
					if weaker {
						refused(t, err, connectorstore.CodeStateRefused)
						if err == nil || !strings.Contains(err.Error(), "*.acme.example") {
							t.Error(err)
						}
						continue
					}
					if c = must(t)(d, err); c.State != to {
						t.Errorf("%s, not %s", c.State, to)
					}
				}
				// Once the wildcard is gone, the name is free.
				if err := o.Release(ctx, wildcard.ID); err != nil {
					t.Fatal(err)
				}
				must(t)(o.SetDomainState(ctx, c.ID, c.State, "verified"))
			})
		})
	}
}

// The longest wildcard covers a name; those above it say nothing.
func TestBelowTheLongestWildcard(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		acme, eu := o.connector("acme"), o.connector("eu")
		o.owned(eu.ID, "*.eu.acme.example", "report_only") // before the company had the wildcard
		o.owned(acme.ID, "*.acme.example", "enforced")
		o.has(eu.ID, "*.eu.acme.example report_only")
		if c := o.owned(eu.ID, "x.eu.acme.example", "verified"); c.State != "report_only" {
			t.Errorf("it is %s", c.State)
		}
		c := o.claim(acme.ID, "y.eu.acme.example")
		o.dns.publish(c)
		_, err := o.Verify(ctx, c.ID)
		refused(t, err, connectorstore.CodeDomainOwned)
		o.owned(eu.ID, "acme.example", "verified") // the wildcard does not cover it
	})
}

// Who has a name first keeps it, in its state, when somebody else proves the wildcard.
func TestWildcardComesSecond(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		eu, acme := o.connector("eu"), o.connector("acme")
		c := o.owned(eu.ID, "eu.acme.example", "routed")
		o.owned(acme.ID, "*.acme.example", "enforced")
		o.has(eu.ID, "eu.acme.example routed")
		must(t)(o.SetDomainState(ctx, c.ID, "routed", "verified"))
		if got := o.passwords(t)("a@eu.acme.example"); got != "open" {
			t.Error(got)
		}
	})
}

// The operator's word is the exception. It opens nothing by itself.
func TestAssertBelowAnothersWildcard(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		acme, eu, draft := o.connector("acme"), o.connector("eu"), o.draft("draft")
		o.owned(acme.ID, "*.acme.example", "enforced")
		_, err := o.Assert(ctx, draft.ID, "us.acme.example")
		refused(t, err, connectorstore.CodeStateRefused) // a draft enforces nothing
		c := must(t)(o.Assert(ctx, eu.ID, "eu.acme.example"))
		if got := o.passwords(t)("a@eu.acme.example"); got != "by "+eu.ID || c.State != "enforced" {
			t.Errorf("%s, %s", got, c.State)
		}
		must(t)(o.SetDomainState(ctx, c.ID, "enforced", "verified"))

		// As is a transfer, of a name that the wildcard's owner has proven.
		us := o.owned(acme.ID, "us.acme.example", "enforced")
		to := o.claim(eu.ID, "us.acme.example")
		o.dns.publish(to)
		if moved := must(t)(o.Transfer(ctx, us.ID, to.ID)); moved.State != "enforced" {
			t.Error(moved.State)
		}
		// Into the wildcard's own tenant, the name is as enforced as the wildcard.
		back := o.claim(o.connector("acme").ID, "eu.acme.example")
		if moved := must(t)(o.TransferAsserted(ctx, c.ID, back.ID)); moved.State != "enforced" {
			t.Error(moved.State)
		}
	})
}

// A draft enforces nothing: not what its own wildcard says, and not what another's says of a name below.
func TestBelowWildcardsOfDrafts(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		acme, draft := o.connector("acme"), o.draft("acme")
		o.owned(acme.ID, "*.acme.example", "verified")
		c := o.claim(draft.ID, "eu.acme.example")
		o.dns.publish(c)
		_, err := o.Verify(ctx, c.ID)
		refused(t, err, connectorstore.CodeStateRefused)

		o.owned(draft.ID, "*.acme.test", "enforced")
		if c := o.owned(draft.ID, "eu.acme.test", "enforced"); c.State != "enforced" {
			t.Errorf("below the draft's own wildcard it is %s", c.State)
		}
		if c := o.owned(acme.ID, "us.acme.test", "verified"); c.State != "verified" {
			t.Errorf("people are shut out by a draft: %s", c.State)
		}
		if got := o.passwords(t)("a@us.acme.test"); got != "open" {
			t.Error(got)
		}
	})
}

// A wildcard whose rows somebody changed opens nothing either.
func TestBelowATamperedWildcard(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		for _, change := range []string{"oidcsso_claims SET verified = verified + 1 WHERE wildcard = 1", "oidcsso_connectors SET tenant = 'rival' WHERE tenant = 'acme'"} {
			o, ctx := newOwners(t, e), t.Context()
			acme, rival := o.connector("acme"), o.connector("rival")
			o.owned(acme.ID, "*.acme.example", "enforced")
			c := o.claim(rival.ID, "eu.acme.example")
			o.dns.publish(c)
			o.sql("UPDATE " + change)
			_, err := o.Verify(ctx, c.ID)
			refused(t, err, connectorstore.CodeDomainOwned)
			if _, err := o.Readmit(ctx, acme.ID); err != nil {
				t.Error(err)
			}
		}
	})
}
