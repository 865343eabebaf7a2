package dbtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

func TestOwnershipFromClaimToRelease(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		acme := o.connector("acme")
		c := o.claim(acme.ID, "ACME.example.")
		if c.Name != "acme.example" || c.Wildcard || c.Owned || c.State != oidcsso.DomainClaimed || c.Connector != acme.ID || c.Proof != "" {
			t.Errorf("%+v", c)
		}
		if c.RecordType != "TXT" || c.RecordName != "_oidcsso-challenge.acme.example" || !strings.HasPrefix(c.RecordValue, "oidcsso-verification=") {
			t.Errorf("%+v", c)
		}
		if want := o.now().Add(14 * 24 * time.Hour); !c.Expires.Equal(want) {
			t.Errorf("it expires %v, want %v", c.Expires, want)
		}
		if again := o.claim(acme.ID, "acme.example"); again != c {
			t.Errorf("the second claim is %+v, want the first", again)
		}
		if text, err := json.Marshal(c); err != nil || !strings.Contains(string(text), `"state":"claimed"`) {
			t.Errorf("%s, %v", text, err)
		}
		o.has(acme.ID, "")

		_, err := o.Verify(ctx, c.ID)
		refused(t, err, connectorstore.CodeProofMissing)
		if !strings.Contains(err.Error(), c.RecordName) {
			t.Errorf("%v does not name the record", err)
		}
		o.dns.publish(c)
		before := must(t)(o.ClaimByID(ctx, c.ID))
		o.later(time.Minute)
		v := must(t)(o.Verify(ctx, c.ID))
		if !v.Owned || v.State != oidcsso.DomainVerified || v.Proof != "dns" || !v.Expires.IsZero() || v.RecordValue != before.RecordValue ||
			!v.Verified.Equal(o.now()) || !v.Checked.Equal(o.now()) || v.NextCheck.Before(o.now().Add(21*time.Hour)) || v.NextCheck.After(o.now().Add(27*time.Hour)) {
			t.Errorf("%+v", v)
		}
		o.has(acme.ID, "acme.example verified")

		for from, to := range map[oidcsso.DomainState]oidcsso.DomainState{"": "routed", "routed": "enforced", "verified": "frozen"} {
			if _, err := o.SetDomainState(ctx, c.ID, from, to); err == nil {
				t.Errorf("from %q to %q is accepted", from, to)
			}
		}
		for _, step := range [][2]oidcsso.DomainState{{"verified", "routed"}, {"routed", "report_only"}, {"report_only", "enforced"}, {"enforced", "enforced"}} {
			row, _ := o.Connector(ctx, acme.ID)
			o.later(time.Second)
			s := must(t)(o.SetDomainState(ctx, c.ID, step[0], step[1]))
			o.has(acme.ID, "acme.example "+string(step[1]))
			now, _ := o.Connector(ctx, acme.ID)
			if s.State != step[1] || (now.Revision > row.Revision) != (step[0] != step[1]) {
				t.Errorf("to %s: %+v at revision %d, was %d", step[1], s, now.Revision, row.Revision)
			}
			if d := now.Config.Domains[0]; d.ClaimID != c.ID || step[0] != step[1] && !d.Since.Equal(o.now()) {
				t.Errorf("%+v", d)
			}
		}
		refused(t, o.Delete(ctx, acme.ID, must1(o.Connector(ctx, acme.ID)).Revision), connectorstore.CodeStateRefused)

		if err := o.Release(connectorstore.WithActor(ctx, "root"), c.ID); err != nil {
			t.Fatal(err)
		}
		o.has(acme.ID, "")
		_, err = o.ClaimByID(ctx, c.ID)
		refused(t, err, connectorstore.CodeNotFound)
		for _, parts := range [][]string{
			{"domain_claimed", "connector=" + acme.ID, "tenant=acme", "domain=acme.example", "claim=" + c.ID, "state=claimed"},
			{"domain_verified", "claim=" + c.ID, "state=verified", "proof=dns"},
			{"domain_state", "state=routed", "from=verified"},
			{"domain_released", "state=enforced", "actor=root"},
			{"connector_changed", "change=domains"},
		} {
			o.events.has(t, parts...)
		}
	})
}

func must1[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Whatever others claim, they neither lead anybody anywhere nor keep the owner from anything.
func TestOwnershipSquatter(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		squatter, acme := o.connector("squatter"), o.connector("acme")
		first := o.claim(squatter.ID, "acme.example")
		o.claim(squatter.ID, "*.acme.example")
		c := o.claim(acme.ID, "acme.example")
		o.dns.publish(c)
		_, err := o.Verify(ctx, first.ID) // there is a record, and it is another claim's
		refused(t, err, connectorstore.CodeProofMissing)
		_, err = o.SetDomainState(ctx, first.ID, "", oidcsso.DomainEnforced)
		refused(t, err, connectorstore.CodeStateRefused)
		must(t)(o.Verify(ctx, c.ID))
		o.has(squatter.ID, "")
		o.has(acme.ID, "acme.example verified")

		o.dns.publish(first) // also if the squatter gets to the zone later
		_, err = o.Verify(ctx, first.ID)
		refused(t, err, connectorstore.CodeDomainOwned)
		if strings.Contains(err.Error(), acme.ID) || strings.Contains(err.Error(), c.ID) {
			t.Errorf("%v says who owns it", err)
		}
		_, err = o.Assert(ctx, squatter.ID, "acme.example")
		refused(t, err, connectorstore.CodeDomainOwned)
		o.has(squatter.ID, "")
		if _, err := o.Freeze(ctx, first.ID); !errors.Is(err, connectorstore.CodeStateRefused) {
			t.Error(err)
		}
		o.owned(squatter.ID, "dev.acme.example", oidcsso.DomainRouted) // below a name of another owner, proven at its own name
		o.owned(acme.ID, "*.acme.example", oidcsso.DomainEnforced)
		o.has(squatter.ID, "dev.acme.example routed")
	})
}

func TestOwnershipRefusedDomains(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		acme := o.connector("acme")
		for _, domain := range []string{"", "example", "gmail.com", "mail.gmail.com", "co.uk", "*.github.io", "*.*.acme.example", "a b.example", "acme.okta.com",
			strings.Repeat("a", 64) + ".example"} {
			for name, call := range map[string]func() (connectorstore.Claim, error){
				"claimed":  func() (connectorstore.Claim, error) { return o.Claim(ctx, acme.ID, domain) },
				"asserted": func() (connectorstore.Claim, error) { return o.Assert(ctx, acme.ID, domain) },
			} {
				var invalid *oidcsso.ConfigError
				if c, err := call(); !errors.As(err, &invalid) || !strings.HasPrefix(invalid.Fields[0].Field, "domains") {
					t.Errorf("%q can be %s: %+v, %v", domain, name, c, err)
				}
			}
		}
		label := strings.Repeat("a", 63) + "."
		_, err := o.Claim(ctx, acme.ID, strings.Repeat(label, 3)+strings.Repeat("a", 50)+".example") // no room for the label of the proof
		refused(t, err, connectorstore.CodeInvalid)
		for _, id := range []string{"", "nobody"} {
			_, err := o.Claim(ctx, id, "acme.example")
			refused(t, err, connectorstore.CodeNotFound)
			_, err = o.Verify(ctx, id)
			refused(t, err, connectorstore.CodeNotFound)
			refused(t, o.Release(ctx, id), connectorstore.CodeNotFound)
		}
		if claims, err := o.Claims(ctx, acme.ID); err != nil || len(claims) != 0 {
			t.Errorf("%v, %v", claims, err)
		}
	})
}

func TestOwnershipExpires(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		acme := o.connector("acme")
		c := o.claim(acme.ID, "acme.example")
		o.dns.publish(c)
		o.later(14*24*time.Hour - time.Second)
		o.dns.beforeAnswers(func() { o.later(2 * time.Second) })
		_, err := o.Verify(ctx, c.ID) // while the answer is on its way
		refused(t, err, connectorstore.CodeProofExpired)
		o.dns.beforeAnswers(nil)
		asked := o.dns.questions()
		_, err = o.Verify(ctx, c.ID)
		refused(t, err, connectorstore.CodeProofExpired)
		if o.dns.questions() != asked {
			t.Error("the DNS was asked for a claim that has expired")
		}
		other := o.claim(o.connector("other").ID, "acme.example")
		o.dns.publish(other)
		must(t)(o.Verify(ctx, other.ID))
		_, err = o.Transfer(ctx, other.ID, c.ID)
		refused(t, err, connectorstore.CodeProofExpired)
		late := o.claim(o.connector("late").ID, "acme.example")
		o.dns.publish(late)
		o.later(14*24*time.Hour - time.Second)
		o.dns.beforeAnswers(func() { o.later(2 * time.Second) })
		_, err = o.Transfer(ctx, other.ID, late.ID)
		refused(t, err, connectorstore.CodeProofExpired)
		o.dns.beforeAnswers(nil)

		again := o.claim(acme.ID, "acme.example")
		if again.ID == c.ID || again.RecordValue == c.RecordValue || !again.Expires.After(o.now()) {
			t.Errorf("claimed again it is %+v", again)
		}
		_, err = o.Verify(ctx, again.ID) // the old record is still there
		refused(t, err, connectorstore.CodeProofMissing)
		if claims, _ := o.Claims(ctx, acme.ID); len(claims) != 1 {
			t.Errorf("%d claims, want only the new one", len(claims))
		}
	})
}

// What changes while the DNS answers is not overwritten by the answer.
func TestOwnershipChangedWhileTheRecordIsLookedFor(t *testing.T) {
	for name, test := range map[string]struct {
		meanwhile func(o *owners, c connectorstore.Claim)
		code      connectorstore.Code
	}{
		"released": {func(o *owners, c connectorstore.Claim) { _ = o.Release(o.t.Context(), c.ID) }, connectorstore.CodeNotFound},
		"owned by another": {func(o *owners, c connectorstore.Claim) {
			_, _ = o.Assert(o.t.Context(), o.connector("other").ID, "acme.example")
		}, connectorstore.CodeDomainOwned},
		"released and claimed again": {func(o *owners, c connectorstore.Claim) {
			_ = o.Release(o.t.Context(), c.ID)
			_, _ = o.Claim(o.t.Context(), c.Connector, "acme.example")
		}, connectorstore.CodeNotFound},
		"its connector deleted": {func(o *owners, c connectorstore.Claim) {
			r, _ := o.Connector(o.t.Context(), c.Connector)
			_ = o.Delete(o.t.Context(), r.ID, r.Revision)
		}, connectorstore.CodeNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			Each(t, func(t *testing.T, e Engine) {
				o := newOwners(t, e)
				c := o.claim(o.connector("acme").ID, "acme.example")
				o.dns.publish(c)
				o.dns.beforeAnswers(func() { o.dns.beforeAnswers(nil); test.meanwhile(o, c) })
				_, err := o.Verify(t.Context(), c.ID)
				refused(t, err, test.code)
				if _, err := o.Connector(t.Context(), c.Connector); err == nil {
					o.has(c.Connector, "")
				}
			})
		})
	}
}

// The same administrator in two windows: both see success.
func TestOwnershipVerifiedTwiceAtOnce(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		o := newOwners(t, e)
		c := o.claim(o.connector("acme").ID, "acme.example")
		o.dns.publish(c)
		o.dns.beforeAnswers(func() { o.dns.beforeAnswers(nil); must(t)(o.Verify(t.Context(), c.ID)) })
		if v := must(t)(o.Verify(t.Context(), c.ID)); !v.Owned {
			t.Errorf("%+v", v)
		}
		o.has(c.Connector, "acme.example verified")
		if n := o.events.count("domain_verified"); n != 1 {
			t.Errorf("it was verified %d times", n)
		}
	})
}

func TestOwnershipBounds(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		fill := func(connector string, n int) {
			for i := range n {
				o.claim(connector, fmt.Sprintf("d%d.example", i))
			}
		}
		acme := o.connector("acme")
		fill(acme.ID, 100)
		o.claim(acme.ID, "d0.example") // that one is there
		_, err := o.Claim(ctx, acme.ID, "one-more.example")
		refused(t, err, connectorstore.CodeTooMany)
		must(t)(o.Assert(ctx, acme.ID, "one-more.example")) // an operator may go on
		for range 4 {
			fill(o.connector("acme").ID, 100)
		}
		last := o.connector("acme")
		_, err = o.Claim(ctx, last.ID, "d0.example")
		refused(t, err, connectorstore.CodeTooMany)
		o.claim(o.connector("other").ID, "d0.example")

		o.later(14 * 24 * time.Hour) // nothing is open any more
		o.claim(last.ID, "d0.example")
		o.claim(acme.ID, "d0.example")
		if claims, _ := o.Claims(ctx, acme.ID); len(claims) != 2 {
			t.Errorf("%d claims, want the one that is owned and the new one", len(claims))
		}
	})
}

// A backend that names no tenants has all of its customers in one.
func TestOwnershipBoundsWithoutTenants(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		o := newOwners(t, e)
		for range 6 {
			c := o.connector("acme")
			c = must1(o.SetTenant(t.Context(), c.ID, c.Revision, ""))
			for i := range 99 {
				o.claim(c.ID, fmt.Sprintf("d%d.example", i))
			}
		}
	})
}

func TestOwnershipAsserted(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		acme := o.connector("acme")
		open := o.claim(acme.ID, "*.acme.example")
		c := must(t)(o.Assert(ctx, acme.ID, "*.acme.example"))
		if c.ID != open.ID || c.Proof != "asserted" || c.State != oidcsso.DomainVerified || c.RecordName != "" || !c.NextCheck.IsZero() || !c.Owned {
			t.Errorf("%+v", c)
		}
		must(t)(o.SetDomainState(ctx, c.ID, oidcsso.DomainVerified, oidcsso.DomainEnforced))
		if again := must(t)(o.Assert(ctx, acme.ID, "*.acme.example")); again.State != oidcsso.DomainEnforced {
			t.Errorf("%+v", again)
		}
		must(t)(o.Verify(ctx, c.ID))
		for range 100 {
			o.later(24 * time.Hour)
			must1(o.Recheck(ctx))
		}
		o.has(acme.ID, "*.acme.example enforced")
		if n := o.dns.questions(); n != 0 {
			t.Errorf("the DNS was asked %d times", n)
		}
		proven := o.owned(acme.ID, "acme.example", oidcsso.DomainRouted)
		if c := must(t)(o.Assert(ctx, acme.ID, "acme.example")); c.Proof != "dns" || c.ID != proven.ID {
			t.Errorf("an assertion took the place of a proof: %+v", c)
		}
	})
}
