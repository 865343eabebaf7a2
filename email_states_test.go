package oidcsso_test

import (
	"fmt"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

// trustedStates are those in which a connector vouches for the addresses of its domain.
var trustedStates = []oidcsso.DomainState{oidcsso.DomainVerified, oidcsso.DomainRouted, oidcsso.DomainReportOnly, oidcsso.DomainEnforced, oidcsso.DomainAsserted}

// Whose a domain is does not depend on whether it is enforced.
func TestEveryOwnedStateTrustsTheSame(t *testing.T) {
	t.Parallel()
	for _, state := range trustedStates {
		for says, status := range emailTable[0].says {
			for _, routed := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s, %s, with a Source %t", state, emailSays[says], routed), func(t *testing.T) {
					t.Parallel()
					tr := newEmailTrial(t, true)
					tr.cfg.Domains[0].State, tr.cfg.Domains[0].ClaimID = state, "claim-1"
					tr.alice.EmailVerified = says
					tr.beginWithRouter()
					if !routed {
						tr.response.Source = nil
					}
					id := tr.wantVerdict(signedIn(status), "alice@acme.test")
					if want := map[bool]string{true: "claim-1"}[status == oidcsso.EmailTrusted]; id.Domain.ClaimID != want {
						t.Errorf("the domain is %+v", id.Domain)
					}
				})
			}
		}
		t.Run(string(state)+", of another connector", func(t *testing.T) {
			t.Parallel()
			tr := newEmailTrial(t, false)
			tr.alice.Email = "alice@moved.test"
			tr.beginWithRouter()
			other := tr.idp.Config("globex", "moved.test")
			other.Domains[0].State = state
			if err := tr.source.Source.(*oidcsso.Router).Put(other); err != nil {
				t.Fatal(err)
			}
			tr.wantVerdict(refused(oidcsso.CodeEmailOutside), "")
		})
	}
}

// A frozen domain may be somebody else's by now: no address in it is trusted, whatever is said of it. Whoever has an account
// must still get to it, so neither guests nor a required address are in the way; and the domain is named, for accounts.
func TestFrozenDomainTrustsNoAddress(t *testing.T) {
	t.Parallel()
	trustsNoAddress(t, oidcsso.DomainFrozen)
}

// An identity provider that leaves the address out lets nobody new in either.
func TestFrozenDomainAndNoAddress(t *testing.T) {
	t.Parallel()
	for _, state := range []oidcsso.DomainState{oidcsso.DomainFrozen, oidcsso.DomainLapsed} {
		tr := newEmailTrial(t, true)
		tr.cfg.Domains[0].State, tr.alice.Email = state, ""
		tr.beginWithRouter()
		if id := tr.wantVerdict(signedIn(oidcsso.EmailFrozen), ""); id != nil && id.Domain.State != state {
			t.Errorf("the domain is %+v", id.Domain)
		}
	}
}

// It is the same for one that was not enforced.
func TestLapsedDomainTrustsNoAddress(t *testing.T) {
	t.Parallel()
	trustsNoAddress(t, oidcsso.DomainLapsed)
}

func trustsNoAddress(t *testing.T, state oidcsso.DomainState) {
	for says, word := range emailSays {
		for _, required := range []bool{false, true} {
			for _, guests := range []bool{false, true} {
				for _, routed := range []bool{true, false} {
					t.Run(fmt.Sprintf("%s, required %t, guests %t, with a Source %t", word, required, guests, routed), func(t *testing.T) {
						t.Parallel()
						tr := newEmailTrial(t, true)
						tr.cfg.Domains[0].State, tr.cfg.Domains[0].ClaimID = state, "claim-1"
						tr.cfg.RequireEmail, tr.cfg.AllowGuests, tr.alice.EmailVerified = required, guests, says
						tr.beginWithRouter()
						if !routed {
							tr.response.Source = nil
						}
						want := signedIn(oidcsso.EmailFrozen)
						if required && says == oidcssotest.SaysUnverified { // as before it was frozen
							want = refused(oidcsso.CodeEmailUntrusted)
						}
						id := tr.wantVerdict(want, "")
						if id != nil && (id.Domain.State != state || id.Domain.Name != "acme.test" || id.Domain.ClaimID != "claim-1") {
							t.Errorf("the domain is %+v", id.Domain)
						}
					})
				}
			}
		}
	}
}

// The domain is frozen while Alice is at the identity provider: the Source's word at the callback counts.
func TestDomainFrozenBetweenRedirectAndCallback(t *testing.T) {
	t.Parallel()
	tr := newEmailTrial(t, true)
	tr.beginWithRouter()
	tr.cfg.Domains[0].State = oidcsso.DomainFrozen
	if err := tr.source.Source.(*oidcsso.Router).Put(tr.cfg); err != nil {
		t.Fatal(err)
	}
	tr.wantVerdict(signedIn(oidcsso.EmailFrozen), "") // the connector at hand still has it asserted
}

// A frozen domain of another connector is outside, as every other one of its.
func TestFrozenDomainOfAnotherConnector(t *testing.T) {
	t.Parallel()
	tr := newEmailTrial(t, true)
	tr.alice.Email = "alice@moved.test"
	tr.beginWithRouter()
	other := tr.idp.Config("globex", "moved.test")
	other.Domains[0].State = oidcsso.DomainFrozen
	if err := tr.source.Source.(*oidcsso.Router).Put(other); err != nil {
		t.Fatal(err)
	}
	tr.wantVerdict(refused(oidcsso.CodeEmailOutside), "")
}
