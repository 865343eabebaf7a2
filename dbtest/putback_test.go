package dbtest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// A claim that owned its domain and was released is put back, with its good MAC. The connector's row knows nothing of it: nothing
// comes of it but an alarm.
func TestReleasedClaimPutBack(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		ctx := t.Context()
		o := newOwners(t, e)
		eve := o.connector("eve").ID
		c := o.owned(eve, "acme.example", oidcsso.DomainEnforced)
		o.sql("CREATE TABLE kept AS SELECT * FROM oidcsso_claims")
		if err := o.Release(ctx, c.ID); err != nil {
			t.Fatal(err)
		}
		heir := o.connector("heir").ID
		o.sql("INSERT INTO oidcsso_claims SELECT * FROM kept")
		for name, call := range map[string]func() error{
			"ClaimByID":      func() error { _, err := o.ClaimByID(ctx, c.ID); return err },
			"Claims":         func() error { _, err := o.Claims(ctx, eve); return err },
			"Claim":          func() error { _, err := o.Claim(ctx, eve, "acme.example"); return err },
			"Verify":         func() error { _, err := o.Verify(ctx, c.ID); return err },
			"SetDomainState": func() error { _, err := o.SetDomainState(ctx, c.ID, "", oidcsso.DomainEnforced); return err },
			"Freeze":         func() error { _, err := o.Freeze(ctx, c.ID); return err },
			"Thaw":           func() error { _, err := o.Thaw(ctx, c.ID); return err },
			"Release":        func() error { return o.Release(ctx, c.ID) },
			"Transfer": func() error {
				_, err := o.TransferAsserted(ctx, c.ID, o.claim(heir, "acme.example").ID)
				return err
			},
		} {
			if err := call(); err == nil {
				t.Errorf("%s believes it", name)
			} else {
				refused(t, err, connectorstore.CodeTampered)
			}
		}
		o.later(30 * 24 * time.Hour)
		o.dns.clear(c)
		for range 3 {
			if _, err := o.Recheck(ctx); err != nil {
				t.Error(err)
			}
			o.later(73 * time.Hour)
		}
		o.has(eve, "")
		if faults, err := o.Integrity(ctx); err != nil || !strings.Contains(strings.Join(faults, "\n"), c.ID) {
			t.Errorf("it finds %q, %v", faults, err)
		}
		o.sql("DELETE FROM oidcsso_claims WHERE id = '" + c.ID + "'")
	})
}

// When a record is looked for again is not signed. Who makes an asserted domain due, for which there is no record, does not freeze
// it.
func TestAssertedDomainMadeDue(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		ctx := t.Context()
		o := newOwners(t, e)
		acme := o.connector("acme").ID
		c := must(t)(o.Assert(ctx, acme, "acme.example"))
		must(t)(o.SetDomainState(ctx, c.ID, c.State, oidcsso.DomainEnforced))
		for range 3 {
			o.sql("UPDATE oidcsso_claims SET next_check = 1")
			if done, err := o.Recheck(ctx); err != nil || done.Due != 1 || done.Missing != 0 {
				t.Errorf("the re-check did %+v, %v", done, err)
			}
			o.later(73 * time.Hour)
		}
		if o.dns.questions() != 0 {
			t.Error("the DNS was asked")
		}
		o.has(acme, "acme.example enforced")
	})
}

// Somebody breaks a row, and then takes out of it, and of the claims, what the replica was closed for. It had started after the
// row was broken, and so never knew a good one.
func TestQuarantinedDomainsStayClosed(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		ctx := t.Context()
		w := newWorld(t, e)
		w.insert(t, row("acme", 1, "acme.example"))
		w.exec(t, "UPDATE oidcsso_connectors SET tenant = 'eve'")
		l := w.live(t)
		for _, more := range []string{"domains = '[]'", "domains = 'x', tenant = 'f'"} {
			w.exec(t, "UPDATE oidcsso_connectors SET "+more)
			w.later(2 * time.Minute)
			sync1(t, l)
			if got := password(ctx, l, "ada@acme.example"); got != "unavailable" {
				t.Errorf("after %s it is %s", more, got)
			}
		}
	})
}

// A row that nobody has signed names as many domains as a database can hold.
func TestQuarantinedDomainsAreBounded(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		ctx := t.Context()
		w := newWorld(t, e)
		var names []string
		for i := range 3000 {
			names = append(names, fmt.Sprintf("d%d.example", i))
		}
		w.insert(t, row("eve", 1, names...))
		w.exec(t, "UPDATE oidcsso_connectors SET tenant = 'eve'")
		l := w.live(t)
		closed := 0
		for _, name := range names {
			if _, err := l.Route(ctx, name); err != nil && !errors.Is(err, oidcsso.ErrNotFound) {
				closed++
			}
		}
		if closed != 1000 {
			t.Errorf("%d domains are closed", closed)
		}
	})
}

// The issuer is changed, nobody signs in, and it is changed back: the next sign-in is the first one again.
func TestIssuerThatCameBackIsFrozenAgain(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		ctx := t.Context()
		w := newWorld(t, e)
		const one = "https://one.okta.com"
		c, err := w.store.Create(ctx, "t", oidcsso.Config{Issuer: one, ClientID: "x"})
		if err != nil {
			t.Fatal(err)
		}
		l := w.live(t)
		signIn := func() {
			l.Event(ctx, oidcsso.EventSignInSucceeded, signedIn(c.ID, one)...)
			sync1(t, l)
			if c, err = w.store.Connector(ctx, c.ID); err != nil || c.SignedIn.IsZero() {
				t.Errorf("signed in at %v, %v", c.SignedIn, err)
			}
		}
		signIn()
		for _, issuer := range []string{"https://two.okta.com", one} {
			c.Config.Issuer = issuer
			if c, _, err = w.store.Rekey(ctx, c); err != nil {
				if c, err = w.store.Connector(ctx, c.ID); err != nil {
					t.Fatal(err)
				}
				c.Config.Issuer = issuer
				if c, err = w.store.Update(ctx, c); err != nil {
					t.Fatal(err)
				}
			}
			sync1(t, l)
		}
		signIn()
	})
}
