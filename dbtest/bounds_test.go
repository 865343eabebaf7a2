package dbtest

import (
	"errors"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// Each connector is in every replica's memory, and may have a hundred claims: a tenant has not any number of them.
func TestConnectorsOfATenantAreBounded(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		ctx := t.Context()
		o := newOwners(t, e)
		var last connectorstore.Connector
		for range 100 {
			c, err := o.Create(ctx, "eve", oidcsso.Config{})
			if err != nil {
				t.Fatal(err)
			}
			last = c
		}
		_, err := o.Create(ctx, "eve", oidcsso.Config{})
		refused(t, err, connectorstore.CodeTooMany)
		other, err := o.Create(ctx, "other", oidcsso.Config{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = o.SetTenant(ctx, other.ID, other.Revision, "eve")
		refused(t, err, connectorstore.CodeTooMany)
		if last, err = o.SetTenant(ctx, last.ID, last.Revision, "eve"); err != nil { // the same one
			t.Fatal(err)
		}
		if err := o.Delete(ctx, last.ID, last.Revision); err != nil {
			t.Fatal(err)
		}
		if _, err := o.Create(ctx, "eve", oidcsso.Config{}); err != nil {
			t.Error(err)
		}
		for range 101 { // who names no tenant bounds them alone
			if _, err := o.Create(ctx, "", oidcsso.Config{}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// What domains are allowed may have changed since one was claimed.
func TestDomainThatIsNotAllowedAnyMore(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		o := newOwners(t, e)
		c := o.claim(o.connector("acme").ID, "acme.example")
		o.dns.publish(c)
		o.allow = func(name string) bool { return name != "acme.example" }
		_, err := o.replica(o.open(t), 1).Verify(t.Context(), c.ID)
		if !errors.Is(err, oidcsso.CodeConfigInvalid) {
			t.Errorf("it is verified: %v", err)
		}
		o.has(c.Connector, "")
	})
}
