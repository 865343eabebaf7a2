package oidcssotest_test

import (
	"reflect"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

func TestIdentity(t *testing.T) {
	t.Parallel()
	id := oidcssotest.Identity(t, ann)
	if id.Connector != "acme" || id.Issuer != "https://idp.example.test" || id.Subject != "ann-1" ||
		id.Email != "ann@acme.test" || id.EmailStatus != oidcsso.EmailTrusted || id.Domain.Name != "acme.test" ||
		id.Name != "Ann Example" || !reflect.DeepEqual(id.Groups, ann.Groups) || id.Tokens != nil {
		t.Errorf("identity %+v", id)
	}
	if again := oidcssotest.Identity(t, ann); again.Key() != id.Key() {
		t.Errorf("another key the second time: %v, %v", id.Key(), again.Key())
	}
}

func TestIdentityChanges(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		user   oidcssotest.User
		change func(*oidcsso.Config)
		want   oidcsso.AccountKey
		status oidcsso.EmailStatus
		email  string
	}{
		{"another connector", ann, func(c *oidcsso.Config) { c.ID = "other" },
			oidcsso.AccountKey{Connector: "other", Issuer: "https://idp.example.test", Subject: "ann-1"}, oidcsso.EmailTrusted, "ann@acme.test"},
		{"another issuer", ann, func(c *oidcsso.Config) { c.Issuer = "https://evil.test/tenant/" },
			oidcsso.AccountKey{Connector: "acme", Issuer: "https://evil.test/tenant/", Subject: "ann-1"}, oidcsso.EmailTrusted, "ann@acme.test"},
		{"no subject, no email, public client", oidcssotest.User{}, func(c *oidcsso.Config) { c.ClientSecret = oidcsso.Secret{} },
			oidcsso.AccountKey{Connector: "acme", Issuer: "https://idp.example.test", Subject: "sub-e3b0c44298fc1c14"}, oidcsso.EmailAbsent, ""},
		{"unverified", oidcssotest.User{Subject: "1", Email: "a@acme.test", EmailVerified: oidcssotest.SaysUnverified}, func(*oidcsso.Config) {},
			oidcsso.AccountKey{Connector: "acme", Issuer: "https://idp.example.test", Subject: "1"}, oidcsso.EmailUnverified, ""},
		{"silent without domains", oidcssotest.User{Subject: "1", Email: "a@acme.test", EmailVerified: oidcssotest.SaysNothing}, func(c *oidcsso.Config) { c.Domains = nil },
			oidcsso.AccountKey{Connector: "acme", Issuer: "https://idp.example.test", Subject: "1"}, oidcsso.EmailSilent, ""},
		{"guest with a redirect URI of the developer's", oidcssotest.User{Subject: "1", Email: "a@partner.test"}, func(c *oidcsso.Config) {
			c.Domains, c.AllowGuests, c.RedirectURL = oidcsso.AssertDomains("acme.test"), true, "https://app.example.test/old?x=1"
		}, oidcsso.AccountKey{Connector: "acme", Issuer: "https://idp.example.test", Subject: "1"}, oidcsso.EmailGuest, ""},
		{"a mailbox provider's address", oidcssotest.User{Subject: "1", Email: "a@gmail.com"}, func(*oidcsso.Config) {},
			oidcsso.AccountKey{Connector: "acme", Issuer: "https://idp.example.test", Subject: "1"}, oidcsso.EmailTrusted, "a@gmail.com"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			id := oidcssotest.Identity(t, test.user, test.change)
			if id.Key() != test.want || id.EmailStatus != test.status || id.Email != test.email {
				t.Errorf("%v, %s, %q", id.Key(), id.EmailStatus, id.Email)
			}
		})
	}
}

func TestIdentityFailsTheTest(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*oidcsso.Config){
		"invalid configuration": func(c *oidcsso.Config) { c.ID = "" },
		"refused address":       func(c *oidcsso.Config) { c.Domains = oidcsso.AssertDomains("other.test") },
	} {
		f := &failing{TB: t}
		func() {
			defer func() { recover() }()
			oidcssotest.Identity(f, ann, change)
		}()
		if f.message == "" {
			t.Errorf("%s: no failure", name)
		}
	}
}
