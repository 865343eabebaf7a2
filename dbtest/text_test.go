package dbtest

import (
	"errors"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// What comes with a request may be anything. PostgreSQL refuses a NUL and what is not UTF-8 wherever it is; nobody but who sent
// it should hear of that, and on no engine anything else than on another.
func TestTextThatNoDatabaseHolds(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		ctx := t.Context()
		o := newOwners(t, e)
		acme := o.connector("acme")
		l := o.NewLive(nil)
		sync1(t, l)
		for _, text := range []string{"\x00", "a\x00b", "\xff", "\xed\xa0\x80", strings.Repeat("x", 1<<20), "' OR '1' = '1", "%", "acme\u202e"} {
			for name, call := range map[string]func() error{
				"Connector": func() error { _, err := o.Connector(ctx, text); return err },
				"Update": func() error {
					_, err := o.Update(ctx, connectorstore.Connector{ID: text, Config: acme.Config})
					return err
				},
				"SetState":   func() error { _, err := o.SetState(ctx, text, 1, connectorstore.StateActive); return err },
				"Delete":     func() error { return o.Delete(ctx, text, 1) },
				"Readmit":    func() error { _, err := o.Readmit(ctx, text); return err },
				"secrets":    func() error { _, _, err := o.RevealSecrets(ctx, text); return err },
				"Claim":      func() error { _, err := o.Claim(ctx, text, "acme.example"); return err },
				"Claims":     func() error { _, err := o.Claims(ctx, text); return err },
				"ClaimByID":  func() error { _, err := o.ClaimByID(ctx, text); return err },
				"Verify":     func() error { _, err := o.Verify(ctx, text); return err },
				"state":      func() error { _, err := o.SetDomainState(ctx, text, "", oidcsso.DomainRouted); return err },
				"Release":    func() error { return o.Release(ctx, text) },
				"Transfer":   func() error { _, err := o.TransferAsserted(ctx, text, text); return err },
				"Revoke":     func() error { return o.RevokeGrant(ctx, text) },
				"an address": func() error { _, err := l.Grant(ctx, acme.ID, text, oidcsso.MethodPassword); return err },
				"exceptions": func() error { _, err := l.Grant(ctx, text, "a@acme.example", oidcsso.MethodPassword); return err },
			} {
				if err := call(); !errors.Is(err, oidcsso.ErrNotFound) {
					t.Errorf("%s of %.10q: %v", name, text, err)
				}
			}
			if list, err := o.Grants(ctx, text); len(list) != 0 || err != nil {
				t.Errorf("exceptions of %.10q: %v, %v", text, list, err)
			}
			if list, err := o.Connectors(ctx, connectorstore.Filter{Tenant: text}); len(list) != 0 || err != nil && !errors.Is(err, connectorstore.CodeInvalid) {
				t.Errorf("the list of %.10q: %v, %v", text, list, err)
			}
			if _, err := o.Connectors(ctx, connectorstore.Filter{After: text}); err != nil && !errors.Is(err, connectorstore.CodeInvalid) {
				t.Errorf("the list after %.10q: %v", text, err)
			}
			if _, err := o.Claim(ctx, acme.ID, text); err == nil {
				t.Errorf("the domain %.10q can be claimed", text)
			}
		}
		for _, tenant := range []string{"\x00", "a\x00b", "\xff", "\xed\xa0\x80"} {
			if _, err := o.Create(ctx, tenant, oidcsso.Config{}); !errors.Is(err, connectorstore.CodeInvalid) {
				t.Errorf("the tenant %q: %v", tenant, err)
			}
			if _, err := o.SetTenant(ctx, acme.ID, acme.Revision, tenant); !errors.Is(err, connectorstore.CodeInvalid) {
				t.Errorf("another tenant, %q: %v", tenant, err)
			}
		}
		if _, err := o.Create(ctx, "Bücher\n' OR 1; --", oidcsso.Config{}); err != nil {
			t.Error(err)
		}
	})
}
