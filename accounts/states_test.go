package accounts_test

import (
	"slices"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/accounts"
)

// TestTrialCostsNobodyAnything plays a company that tries single sign-on out before it enforces it: until then no account
// loses a password, and on that day everybody is linked.
func TestTrialCostsNobodyAnything(t *testing.T) {
	t.Parallel()
	s := newStore()
	ann := s.register("ann@acme.example", true, "ann@home.example")
	for _, state := range []oidcsso.DomainState{oidcsso.DomainVerified, oidcsso.DomainRouted, oidcsso.DomainReportOnly} {
		user, err := s.resolver().Resolve(t.Context(), inDomain("ann", state))
		wantRefusal(t, err, accounts.ReasonDomainNotEnforced)
		if user != nil || s.linked > 0 || !slices.Equal(ann.credentials, everything) || len(ann.addresses) != 2 {
			t.Fatalf("%s: account %v, %d linked, Ann has %v and %v", state, user, s.linked, ann.credentials, ann.addresses)
		}
	}
	bob, err := s.resolver().Resolve(t.Context(), inDomain("bob", oidcsso.DomainRouted)) // has no account yet
	if err != nil || !bob.addresses["bob@acme.example"] {
		t.Fatalf("account %v, error %v", bob, err)
	}
	user, err := s.resolver().Resolve(t.Context(), inDomain("ann", oidcsso.DomainEnforced))
	if err != nil || user != ann || len(ann.credentials) > 0 {
		t.Errorf("account %v, error %v, Ann has %v", user, err, ann.credentials)
	}
	if again, err := s.resolver().Resolve(t.Context(), inDomain("bob", oidcsso.DomainEnforced)); err != nil || again != bob {
		t.Errorf("account %v, error %v, want Bob's", again, err)
	}
	// Back to a trial: who is linked stays so.
	if again, err := s.resolver().Resolve(t.Context(), inDomain("ann", oidcsso.DomainRouted)); err != nil || again != ann {
		t.Errorf("account %v, error %v, want Ann's", again, err)
	}
}

// TestFrozenDomain plays a domain whose proof is lost: its people go on signing in, and it opens no account and makes none,
// for the old owner or the new.
func TestFrozenDomain(t *testing.T) {
	t.Parallel()
	s := newStore()
	ann, err := s.resolver().Resolve(t.Context(), person("ann", "ann@acme.example"))
	if err != nil {
		t.Fatal(err)
	}
	victim := s.register(victimEmail, true)

	if user, err := s.resolver().Resolve(t.Context(), inDomain("ann", oidcsso.DomainFrozen)); err != nil || user != ann {
		t.Errorf("account %v, error %v, want Ann's", user, err)
	}
	for _, subject := range []string{"victim", "new"} {
		user, err := s.resolver().Resolve(t.Context(), inDomain(subject, oidcsso.DomainFrozen))
		wantRefusal(t, err, accounts.ReasonDomainFrozen)
		if user != nil || len(s.accounts) != 2 || s.linked > 0 || !slices.Equal(victim.credentials, everything) {
			t.Errorf("%s: account %v of %d, %d linked", subject, user, len(s.accounts), s.linked)
		}
	}
	// Proven again, under the same claim.
	if user, err := s.resolver().Resolve(t.Context(), inDomain("victim", oidcsso.DomainEnforced)); err != nil || user != victim {
		t.Errorf("account %v, error %v, want the one that was there", user, err)
	}
}
