package main

import (
	"errors"
	"sync"
	"testing"

	"github.com/oidcsso/oidcsso/accounts"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

// However many callbacks of one person come at once, at whatever replica, there is one account.
func TestOneAccountOfManySignIns(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, email := range []string{"alice@acme.test", "new@acme.test"} { // one account is linked, one is made
			id := oidcssotest.Identity(t, userOf("s-"+email, email, "Somebody"))
			var ids [8]string
			var all sync.WaitGroup
			for i := range ids {
				all.Go(func() {
					resolver := w.backend.replicas[i%2].people.accounts()
					found, err := resolver.Resolve(t.Context(), id)
					if err != nil {
						t.Error(err)
					}
					ids[i] = found.id
				})
			}
			all.Wait()
			for _, id := range ids {
				if id != ids[0] || id == "" {
					t.Errorf("%s: %q", email, ids)
				}
			}
		}
	})
}

// Linking is the moment at which an account could be handed to a stranger: what changed since it was looked at is a conflict.
func TestLinkLooksAgain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		people := w.backend.replicas[0].people
		ctx := t.Context()
		id := oidcssotest.Identity(t, userOf("ida-1", "ida@initech.test", "Ida"))
		ida, err := people.byID(ctx, "ida")
		if err != nil {
			t.Fatal(err)
		}
		for name, change := range map[string]string{
			"the address was never confirmed": "UPDATE addresses SET verified = 0 WHERE person = 'ida'",
			"the address is another's now":    "UPDATE addresses SET person = 'nora' WHERE address = 'ida@initech.test'",
			"the account has a link":          "INSERT INTO links (key, connector, issuer, subject, person) VALUES ('x', 'x', 'x', 'x', 'ida')",
		} {
			if _, err := changed(ctx, people.db, change); err != nil {
				t.Fatal(err)
			}
			if err := people.link(ctx, ida, id, []accounts.Credential{accounts.Passwords}); !errors.Is(err, accounts.ErrConflict) {
				t.Errorf("%s: %v", name, err)
			}
			for _, undo := range []string{"UPDATE addresses SET verified = 1, person = 'ida' WHERE address = 'ida@initech.test'", "DELETE FROM links"} {
				if _, err := changed(ctx, people.db, undo); err != nil {
					t.Fatal(err)
				}
			}
		}
		if ida, err = people.byID(ctx, "ida"); err != nil || ida.password == "" || ida.claim != "" {
			t.Errorf("a conflict changed the account: %+v %v", ida, err)
		}
		if err := people.link(ctx, ida, id, []accounts.Credential{accounts.Passwords}); err != nil {
			t.Error(err)
		}
	})
}

// A stranger registered an address that they never confirmed: the account does not become its owner's, nor its owner's theirs.
func TestUnconfirmedAddress(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		people := w.backend.replicas[0].people
		if _, err := changed(t.Context(), people.db, "UPDATE addresses SET verified = 0 WHERE person = 'alice'"); err != nil {
			t.Fatal(err)
		}
		resolver := people.accounts()
		_, err := resolver.Resolve(t.Context(), oidcssotest.Identity(t, userOf("a", "alice@acme.test", "Alice")))
		var refusal *accounts.Refusal
		if !errors.As(err, &refusal) || refusal.Reason != accounts.ReasonAddressUnverified {
			t.Error(err)
		}
	})
}
