package dbtest

import (
	"fmt"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

func (o *owners) ended(domain string, since time.Time, want bool) {
	o.t.Helper()
	if got, err := o.ClaimEndedSince(o.t.Context(), domain, since); got != want || err != nil {
		o.t.Errorf("%s: ended since %v is %t, %v", domain, since, got, err)
	}
}

// signedRow is how to write the only connector's row again as it is now, with its signature.
func (o *owners) signedRow() (update string) {
	o.t.Helper()
	var domains, mac string
	var revision, updated int64
	if err := o.db.QueryRow("SELECT domains, mac, revision, updated FROM oidcsso_connectors").Scan(&domains, &mac, &revision, &updated); err != nil {
		o.t.Fatal(err)
	}
	return fmt.Sprintf("UPDATE oidcsso_connectors SET domains = '%s', mac = '%s', revision = %d, updated = %d", domains, mac, revision, updated)
}

// However an owned claim ends, an account that lived under it is not the next owner's.
func TestClaimEndedSince(t *testing.T) {
	for name, end := range map[string]func(o *owners, c connectorstore.Claim, older string) error{
		"released": func(o *owners, c connectorstore.Claim, _ string) error { return o.Release(o.t.Context(), c.ID) },
		"transferred": func(o *owners, c connectorstore.Claim, _ string) error {
			other := o.claim(o.connector("other").ID, c.Domain())
			o.dns.publish(other)
			_, err := o.Transfer(o.t.Context(), c.ID, other.ID)
			return err
		},
		"released by Readmit, as the row says": func(o *owners, c connectorstore.Claim, _ string) error {
			o.sql("DELETE FROM oidcsso_claims")
			_, err := o.Readmit(o.t.Context(), c.Connector)
			return err
		},
		"released by Readmit, as the claim says": func(o *owners, c connectorstore.Claim, _ string) error {
			o.sql("UPDATE oidcsso_claims SET token = 'x'")
			o.sql("UPDATE oidcsso_connectors SET domains = '[]'")
			_, err := o.Readmit(o.t.Context(), c.Connector)
			return err
		},
		"deleted, with an older row": func(o *owners, c connectorstore.Claim, older string) error {
			o.sql(older)
			return o.Delete(o.t.Context(), c.Connector, must2(o.Connector(o.t.Context(), c.Connector))(o.t).Revision)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			Each(t, func(t *testing.T, e Engine) {
				o := newOwners(t, e)
				acme := o.connector("acme").ID
				older := o.signedRow()
				c := o.owned(acme, "*.acme.example", oidcsso.DomainEnforced)
				start := o.now()
				o.later(time.Minute)
				o.ended("dev.acme.example", time.Time{}, false)
				if err := end(o, c, older); err != nil {
					t.Fatal(err)
				}
				for domain, want := range map[string]bool{"dev.acme.example": true, "A.B.ACME.example.": true, "acme.example": false,
					"notacme.example": false, "example.org": false} {
					o.ended(domain, start, want)
					o.ended(domain, o.now(), want) // the same moment is in doubt
					o.ended(domain, time.Time{}, want)
					o.ended(domain, o.now().Add(time.Millisecond), false)
				}
			})
		})
	}
}

// The last end counts, and what was never owned ends for nobody.
func TestClaimEndedAgain(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		acme := o.connector("acme").ID
		if err := o.Release(ctx, o.claim(acme, "acme.example").ID); err != nil {
			t.Fatal(err)
		}
		o.ended("acme.example", time.Time{}, false)
		for range 2 {
			c := o.owned(acme, "acme.example", oidcsso.DomainRouted)
			o.later(time.Hour)
			if err := o.Release(ctx, c.ID); err != nil {
				t.Fatal(err)
			}
			o.ended("acme.example", o.now(), true)
			o.ended("acme.example", o.now().Add(time.Second), false)
		}
		o.owned(acme, "acme.example", oidcsso.DomainVerified) // another claim makes up for none
		o.ended("acme.example", o.now().Add(-time.Hour), true)
		o.later(-10 * time.Hour) // a clock that is behind takes nothing back
		if err := o.Release(ctx, o.claim(acme, "acme.example").ID); err != nil {
			t.Fatal(err)
		}
		o.ended("acme.example", o.now().Add(10*time.Hour), true)
		for _, domain := range []string{"", "localhost", "x@acme.example", "*.acme.example"} {
			_, err := o.ClaimEndedSince(ctx, domain, time.Time{})
			refused(t, err, connectorstore.CodeInvalid)
		}
	})
}

// While nobody can say whether the domain is still its owner's, it may be another's already.
func TestClaimEndedInDoubt(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		acme := o.connector("acme").ID
		c := o.owned(acme, "*.acme.example", oidcsso.DomainRouted)
		future := o.now().Add(1000 * time.Hour)
		o.ended("eu.acme.example", future, false)

		o.dns.clear(c)
		o.later(30 * time.Hour)
		o.recheck(connectorstore.Rechecked{Due: 1, Missing: 1})
		o.ended("eu.acme.example", future, true)
		o.ended("acme.example", future, false)
		o.later(80 * time.Hour)
		o.recheck(connectorstore.Rechecked{Due: 1, Missing: 1, Frozen: 1})
		o.ended("eu.acme.example", future, true)
		o.dns.publish(c)
		must(t)(o.Verify(ctx, c.ID))
		o.ended("eu.acme.example", future, false)

		must(t)(o.Freeze(ctx, c.ID))
		o.ended("eu.acme.example", future, true)
		must(t)(o.Thaw(ctx, c.ID))
		o.ended("eu.acme.example", future, false)

		o.sql("UPDATE oidcsso_claims SET verified = verified + 1")
		o.ended("eu.acme.example", future, true)
		o.sql("UPDATE oidcsso_claims SET verified = verified - 1")
	})
}

// What somebody wrote into a row does not keep an operator from mending it.
func TestEndedNamesThatAreNone(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		acme := o.connector("acme").ID
		o.sql(`UPDATE oidcsso_connectors SET domains = '[{"name":"a\u0000.example","claim":"x"},{"name":"ACME.example","claim":"y"},{"name":"victim.example","claim":"z"}]'`)
		if _, err := o.Readmit(ctx, acme); err != nil {
			t.Fatal(err)
		}
		o.ended("acme.example", time.Time{}, false)
		o.ended("victim.example", time.Time{}, true)
		var n int
		if err := o.db.QueryRow("SELECT COUNT(*) FROM oidcsso_ended").Scan(&n); err != nil || n != 1 {
			t.Errorf("%d rows, %v", n, err)
		}
	})
}
