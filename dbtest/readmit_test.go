package dbtest

import (
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// What is left of a row may be no JSON at all. It is mended all the same: otherwise its domains would be nobody's to release, for
// ever, and its people locked out.
func TestReadmitOfGibberish(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]string{
		"former issuers":           "former_issuers = 'x'",
		"former issuers, a map":    "former_issuers = '{}'",
		"configuration":            "config = '{'",
		"configuration, a list":    "config = '[]'",
		"configuration, no issuer": "config = '{\"issuer\": \"http://169.254.169.254\", \"client_id\": \"x\"}'",
		"all":                      "former_issuers = '', config = '', domains = '', secret = 'x', next_secret = 'x', state = 'x', mac = ''",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			Each(t, func(t *testing.T, e Engine) {
				ctx := t.Context()
				o := newOwners(t, e)
				acme := o.connector("acme").ID
				claim := o.owned(acme, "acme.example", oidcsso.DomainEnforced)
				l := o.NewLive(nil)
				sync1(t, l)
				o.sql("UPDATE oidcsso_connectors SET " + set)
				c, err := o.Readmit(ctx, acme)
				if err != nil {
					t.Fatal(err)
				}
				if c.State != connectorstore.StateDisabled || c.HasSecret || c.HasNextSecret || len(c.FormerIssuers) > 0 {
					t.Errorf("it is %+v", c)
				}
				o.has(acme, "acme.example enforced")
				sync1(t, l)
				if got := connector(ctx, l, acme) + ", " + quarantined(l); got != "disabled, " {
					t.Errorf("a replica has it %s", got)
				}
				if c, err = o.Connector(ctx, acme); err != nil {
					t.Fatal(err)
				}
				c.Config.Issuer, c.Config.ClientID = "https://acme.okta.com", "x"
				if _, err := o.Update(ctx, c); err != nil {
					t.Error(err)
				}
				if err := o.Release(ctx, claim.ID); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
