package accounts_test

import (
	"slices"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/accounts"
)

const victimEmail = "victim@acme.example"

// TestTakeovers plays what other products let pass: somebody prepares, somebody signs in, and must not get the victim's account.
func TestTakeovers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		prepare func(t *testing.T, s *store, victim *account)
		id      *oidcsso.Identity
		reason  accounts.Reason // empty: an account of their own, without the address
	}{
		{
			name: "an unverified address is sent for the victim's",
			id:   stranger("acme", acme, "mallory", oidcsso.EmailUnverified),
		},
		{
			name: "an identity provider that does not own the domain sends the victim's address and says nothing about it",
			id:   stranger("evil", "https://evil.example", "mallory", oidcsso.EmailSilent),
		},
		{
			name: "a guest of another company brings the victim's address",
			id:   stranger("evil", "https://evil.example", "mallory", oidcsso.EmailGuest),
		},
		{
			name: "a button whose identity provider verifies whatever it likes",
			id: with(stranger("evil", "https://evil.example", "mallory", oidcsso.EmailTrusted), func(id *oidcsso.Identity) {
				id.Email = victimEmail
			}),
			reason: accounts.ReasonNoDomain,
		},
		{
			name:    "a tenant's own connector names the victim's issuer and subject",
			prepare: signIn(person("victim", victimEmail)),
			id:      stranger("evil", acme, "victim", oidcsso.EmailGuest),
		},
		{
			name:    "the subject in another case",
			prepare: signIn(person("victim", victimEmail)),
			id:      person("VICTIM", victimEmail),
			reason:  accounts.ReasonLinkedHere,
		},
		{
			name:    "a colleague's address at the identity provider was changed to the victim's",
			prepare: signIn(person("victim", victimEmail)),
			id:      person("mallory", victimEmail),
			reason:  accounts.ReasonLinkedHere,
		},
		{
			name: "a deleted connector's ID is used again, by somebody with an identity provider of their own",
			prepare: func(t *testing.T, s *store, victim *account) {
				signIn(person("victim", victimEmail))(t, s, victim)
				s.endClaim("acme", "claim-1")
			},
			id: with(person("victim", victimEmail), func(id *oidcsso.Identity) {
				id.Issuer, id.Domain.ClaimID = "https://evil.example", "claim-2"
			}),
			reason: accounts.ReasonClaimDiffers,
		},
		{
			name: "the domain expired and was bought; the victim had signed in by single sign-on, and those links are gone",
			prepare: func(t *testing.T, s *store, victim *account) {
				signIn(person("victim", victimEmail))(t, s, victim)
				s.endClaim("acme", "claim-1")
			},
			id: with(person("victim", victimEmail), func(id *oidcsso.Identity) {
				id.Connector, id.Issuer, id.Domain.ClaimID = "buyer", "https://buyer.example", "claim-2"
			}),
			reason: accounts.ReasonClaimDiffers,
		},
		{
			name: "the same, and the buyer's domain was asserted without a claim",
			prepare: func(t *testing.T, s *store, victim *account) {
				signIn(person("victim", victimEmail))(t, s, victim)
				s.endClaim("acme", "claim-1")
			},
			id: with(person("victim", victimEmail), func(id *oidcsso.Identity) {
				id.Connector, id.Issuer, id.Domain.ClaimID = "buyer", "https://buyer.example", ""
			}),
			reason: accounts.ReasonClaimDiffers,
		},
		{
			name: "the domain was bought; the victim had an account in the first owner's time but never signed in by single sign-on",
			prepare: func(t *testing.T, s *store, victim *account) {
				s.endClaim("acme", "claim-1")
			},
			id: with(person("victim", victimEmail), func(id *oidcsso.Identity) {
				id.Connector, id.Issuer, id.Domain.ClaimID = "buyer", "https://buyer.example", "claim-2"
			}),
			reason: accounts.ReasonClaimUnknown,
		},
		{
			name: "a second account with the victim's address in another case",
			prepare: func(t *testing.T, s *store, victim *account) {
				s.register("Victim@acme.example", true)
			},
			id:     person("mallory", victimEmail),
			reason: accounts.ReasonAddressAmbiguous,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newStore()
			victim := s.register(victimEmail, true)
			if test.prepare != nil {
				test.prepare(t, s, victim)
			}
			user, err := s.resolver().Resolve(t.Context(), test.id)
			if user == victim {
				t.Fatal("got the victim's account")
			}
			if test.reason != "" {
				wantRefusal(t, err, test.reason)
				if user != nil || s.created > 0 {
					t.Errorf("account %v, %d made", user, s.created)
				}
				return
			}
			if err != nil || user == nil || len(user.addresses) > 0 {
				t.Errorf("account %v, error %v; want one of their own without an address", user, err)
			}
		})
	}
}

// signIn lets the victim sign in first.
func signIn(id *oidcsso.Identity) func(*testing.T, *store, *account) {
	return func(t *testing.T, s *store, victim *account) {
		t.Helper()
		if user, err := s.resolver().Resolve(t.Context(), id); err != nil || user != victim {
			t.Fatalf("the victim got %v, error %v", user, err)
		}
	}
}

// TestPreHijacking plays the ways to own an account before its owner comes (Sudhodanan and Paverd, 2022). The attacker
// registered with the victim's address; then the victim signs in by single sign-on.
func TestPreHijacking(t *testing.T) {
	t.Parallel()
	victim := person("victim", victimEmail)

	t.Run("the victim never confirmed the attacker's account", func(t *testing.T) {
		t.Parallel()
		s := newStore()
		attackers := s.register(victimEmail, false)
		user, err := s.resolver().Resolve(t.Context(), victim)
		wantRefusal(t, err, accounts.ReasonAddressUnverified)
		if user != nil || len(s.links) > 0 || len(s.accounts) != 1 || !slices.Equal(attackers.credentials, everything) {
			t.Error("something changed")
		}
	})
	t.Run("the attacker linked an identity of their own", func(t *testing.T) {
		t.Parallel()
		s := newStore()
		attackers := s.register(victimEmail, true)
		s.links[oidcsso.AccountKey{Connector: "github", Subject: "mallory"}] = attackers
		_, err := s.resolver().Resolve(t.Context(), victim)
		wantRefusal(t, err, accounts.ReasonLinkedElsewhere)
	})
	t.Run("the attacker's own identity provider made the account for the victim's address", func(t *testing.T) {
		t.Parallel()
		s := newStore()
		button := with(stranger("evil", "https://evil.example", "mallory", oidcsso.EmailTrusted), func(id *oidcsso.Identity) { id.Email = victimEmail })
		if _, err := s.resolver().Resolve(t.Context(), button); err != nil {
			t.Fatal(err)
		}
		_, err := s.resolver().Resolve(t.Context(), victim)
		wantRefusal(t, err, accounts.ReasonLinkedElsewhere)
	})
	t.Run("the same, and that connector was deleted with its links", func(t *testing.T) {
		t.Parallel()
		s := newStore()
		button := with(stranger("evil", "https://evil.example", "mallory", oidcsso.EmailTrusted), func(id *oidcsso.Identity) { id.Email = victimEmail })
		if _, err := s.resolver().Resolve(t.Context(), button); err != nil {
			t.Fatal(err)
		}
		clear(s.links)
		_, err := s.resolver().Resolve(t.Context(), victim)
		wantRefusal(t, err, accounts.ReasonAddressUnverified)
	})
	t.Run("the victim confirmed it; password, session, token, passkey, address and pending change were the attacker's", func(t *testing.T) {
		t.Parallel()
		s := newStore()
		attackers := s.register(victimEmail, true, "mallory@evil.example")
		user, err := s.resolver().Resolve(t.Context(), victim)
		if err != nil || user != attackers {
			t.Fatalf("account %v, error %v", user, err)
		}
		if len(user.credentials) > 0 || len(user.addresses) != 1 || !user.addresses[victimEmail] {
			t.Errorf("the attacker still has %v and the addresses %v", user.credentials, user.addresses)
		}
	})
}

// TestChangeOfIdentityProvider: the links of the old connector were removed, and the claim is the same.
func TestChangeOfIdentityProvider(t *testing.T) {
	t.Parallel()
	s := newStore()
	first, err := s.resolver().Resolve(t.Context(), person("ann", "ann@acme.example"))
	if err != nil {
		t.Fatal(err)
	}
	moved := with(person("4711", "ann@acme.example"), func(id *oidcsso.Identity) { id.Connector, id.Issuer = "acme-2", "https://new.idp.example" })
	_, err = s.resolver().Resolve(t.Context(), moved)
	wantRefusal(t, err, accounts.ReasonLinkedElsewhere)

	clear(s.links)
	second, err := s.resolver().Resolve(t.Context(), moved)
	if err != nil || second != first || s.created != 1 {
		t.Errorf("account %v, error %v, %d made; want the first one", second, err, s.created)
	}
}
