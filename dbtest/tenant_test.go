package dbtest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// property is what a tenant has, or had: a connector with an owned domain and an exception, in its newest revision, and a claim
// that is open.
type property struct {
	connector   connectorstore.Connector
	owned, open connectorstore.Claim
}

// asked is what comes with a request.
type asked struct {
	connector connectorstore.Connector // its ID and revision
	claim     string
}

func (o *owners) property(tenant, domain string) property {
	o.t.Helper()
	ctx := o.t.Context()
	p := property{connector: o.connector(tenant)}
	p.owned = o.owned(p.connector.ID, domain, oidcsso.DomainEnforced)
	p.open = o.claim(p.connector.ID, "open."+domain)
	o.dns.publish(p.open)
	must1(o.AddGrant(ctx, connectorstore.GrantParams{Connector: p.connector.ID, Address: "otto@" + domain, By: "nina", Reason: "r"}))
	c := must1(o.Connector(ctx, p.connector.ID))
	c.Config.NextClientSecret = oidcsso.NewSecret("hunter3")
	p.connector = must1(o.Update(ctx, c))
	return p
}

// tenantCalls are all methods of a Tenant that take an ID.
var tenantCalls = map[string]func(ctx context.Context, tenant *connectorstore.Tenant, a asked) error{
	"Connector": func(ctx context.Context, tenant *connectorstore.Tenant, a asked) error {
		_, err := tenant.Connector(ctx, a.connector.ID)
		return err
	},
	"CallbackURLs": func(ctx context.Context, tenant *connectorstore.Tenant, a asked) error {
		_, err := tenant.CallbackURLs(ctx, a.connector.ID)
		return err
	},
	"Update": func(ctx context.Context, tenant *connectorstore.Tenant, a asked) error {
		c := a.connector
		c.Tenant, c.Config.Name = "acme", "taken"
		_, err := tenant.Update(ctx, c)
		return err
	},
	"SetState": func(ctx context.Context, tenant *connectorstore.Tenant, a asked) error {
		_, err := tenant.SetState(ctx, a.connector.ID, a.connector.Revision, connectorstore.StateDisabled)
		return err
	},
	"PromoteNextSecret": func(ctx context.Context, tenant *connectorstore.Tenant, a asked) error {
		_, err := tenant.PromoteNextSecret(ctx, a.connector.ID, a.connector.Revision)
		return err
	},
	"DropSecrets": func(ctx context.Context, tenant *connectorstore.Tenant, a asked) error {
		_, err := tenant.DropSecrets(ctx, a.connector.ID, a.connector.Revision, true)
		return err
	},
	"Delete": func(ctx context.Context, tenant *connectorstore.Tenant, a asked) error {
		return tenant.Delete(ctx, a.connector.ID, a.connector.Revision)
	},
	"Claim": func(ctx context.Context, tenant *connectorstore.Tenant, a asked) error {
		_, err := tenant.Claim(ctx, a.connector.ID, "another.example")
		return err
	},
	"Claims": func(ctx context.Context, tenant *connectorstore.Tenant, a asked) error {
		_, err := tenant.Claims(ctx, a.connector.ID)
		return err
	},
	"Grants": func(ctx context.Context, tenant *connectorstore.Tenant, a asked) error {
		_, err := tenant.Grants(ctx, a.connector.ID)
		return err
	},
	"ClaimByID": func(ctx context.Context, tenant *connectorstore.Tenant, a asked) error {
		_, err := tenant.ClaimByID(ctx, a.claim)
		return err
	},
	"Verify": func(ctx context.Context, tenant *connectorstore.Tenant, a asked) error {
		_, err := tenant.Verify(ctx, a.claim)
		return err
	},
	"SetDomainState": func(ctx context.Context, tenant *connectorstore.Tenant, a asked) error {
		_, err := tenant.SetDomainState(ctx, a.claim, oidcsso.DomainEnforced, oidcsso.DomainVerified)
		return err
	},
	"Release": func(ctx context.Context, tenant *connectorstore.Tenant, a asked) error {
		return tenant.Release(ctx, a.claim)
	},
}

// tenantCallsWithoutID are the others.
var tenantCallsWithoutID = map[string]func(ctx context.Context, tenant *connectorstore.Tenant) error{
	"Create": func(ctx context.Context, tenant *connectorstore.Tenant) error {
		_, err := tenant.Create(ctx, oidcsso.Config{})
		return err
	},
	"Connectors": func(ctx context.Context, tenant *connectorstore.Tenant) error {
		_, err := tenant.Connectors(ctx, connectorstore.Filter{})
		return err
	},
}

// rows is all that is stored, but for how often something was looked at.
func (o *owners) rows() string {
	o.t.Helper()
	var b strings.Builder
	for _, query := range []string{
		"SELECT id || mac || revision FROM oidcsso_connectors ORDER BY id", "SELECT id || mac FROM oidcsso_claims ORDER BY id",
		"SELECT id || mac FROM oidcsso_grants ORDER BY id", "SELECT name || ended FROM oidcsso_ended ORDER BY name", "SELECT revision || '' FROM oidcsso_meta",
	} {
		rows, err := o.db.Query(query)
		if err != nil {
			o.t.Fatal(err)
		}
		for rows.Next() {
			var text string
			if err := rows.Scan(&text); err != nil {
				o.t.Fatal(err)
			}
			fmt.Fprintln(&b, text)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			o.t.Fatal(err)
		}
	}
	return b.String()
}

// Each method must be in one of the tables: what is added to a Tenant is tried with another tenant's IDs.
func TestEveryCallOfATenantIsTried(t *testing.T) {
	t.Parallel()
	methods := reflect.TypeFor[*connectorstore.Tenant]()
	for i := range methods.NumMethod() {
		name := methods.Method(i).Name
		if tenantCalls[name] == nil && tenantCallsWithoutID[name] == nil {
			t.Errorf("%s is in no table", name)
		}
	}
	for _, operators := range []string{"Assert", "Transfer", "TransferAsserted", "Rekey", "Readmit", "Freeze", "Thaw", "RevealSecrets", "SetRedirectURL", "SetTenant",
		"Reseal", "Integrity", "Migrate", "NewLive", "Recheck", "RunChecks", "AddGrant", "RevokeGrant", "ClaimEndedSince", "Tenant"} {
		if _, has := methods.MethodByName(operators); has {
			t.Errorf("a tenant has %s", operators)
		}
	}
}

// What is another tenant's does not exist: the answer is the one for an ID that never was, and nothing changes.
func TestTenantReachesNothingOfAnother(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		acme := o.property("acme", "acme.example")
		globex := o.property("globex", "globex.example")
		nobodys := o.property("other", "nobody.example") // of an operator's own
		nobodys.connector = must1(o.SetTenant(ctx, nobodys.connector.ID, nobodys.connector.Revision, ""))
		gone := o.property("acme", "gone.example") // the tenant's own, once
		moved := o.property("acme", "moved.example")
		moved.connector = must1(o.SetTenant(ctx, moved.connector.ID, moved.connector.Revision, "globex"))
		broken := o.property("globex", "broken.example")
		for _, id := range []string{gone.owned.ID, gone.open.ID} {
			if err := o.Release(ctx, id); err != nil {
				t.Fatal(err)
			}
		}
		gone.connector = must1(o.Connector(ctx, gone.connector.ID))
		if err := o.Delete(ctx, gone.connector.ID, gone.connector.Revision); err != nil {
			t.Fatal(err)
		}
		mac := func(table, id string) (mac string) {
			if err := o.db.QueryRow(e.Query("SELECT mac FROM "+table+" WHERE id = ?"), id).Scan(&mac); err != nil {
				t.Fatal(err)
			}
			return mac
		}
		for _, row := range [][2]string{{"oidcsso_connectors", broken.connector.ID}, {"oidcsso_claims", broken.owned.ID}, {"oidcsso_claims", broken.open.ID}} {
			good := mac(row[0], row[1])
			set := func(mac string) {
				if _, err := o.db.Exec(e.Query("UPDATE "+row[0]+" SET mac = ? WHERE id = ?"), mac, row[1]); err != nil {
					t.Fatal(err)
				}
			}
			set("broken")
			defer set(good)
		}

		tenant := o.Tenant("acme")
		before, questions := o.rows(), o.dns.questions()
		for name, call := range tenantCalls {
			never := call(ctx, tenant, asked{connectorstore.Connector{ID: "aaaaaaaaaaaaaaaa"}, "aaaaaaaaaaaaaaaa"})
			refused(t, never, connectorstore.CodeNotFound)
			for whose, p := range map[string]property{"another's": globex, "nobody's": nobodys, "deleted": gone, "moved away": moved, "another's, tampered": broken,
				"hostile": {connector: connectorstore.Connector{ID: "\x00\xff"}, owned: connectorstore.Claim{ID: "\x00\xff"}}} {
				for _, claim := range []string{p.owned.ID, p.open.ID} {
					err := call(ctx, tenant, asked{p.connector, claim})
					if !errors.Is(err, connectorstore.CodeNotFound) || !reflect.DeepEqual(err, never) {
						t.Errorf("%s of what is %s: %v; want %v", name, whose, err, never)
					}
				}
			}
		}
		if o.rows() != before || o.dns.questions() != questions {
			t.Error("something was changed, or the DNS was asked")
		}

		for name, call := range tenantCalls { // and the same calls reach what is the tenant's
			own := asked{acme.connector, acme.owned.ID}
			own.connector = must1(o.Connector(ctx, acme.connector.ID))
			if name == "Release" {
				own.claim = acme.open.ID
			}
			err := call(ctx, tenant, own)
			if want := map[string]error{"Delete": connectorstore.CodeStateRefused, "PromoteNextSecret": connectorstore.CodeStateRefused}[name]; err != nil && !errors.Is(err, want) {
				t.Errorf("%s of the tenant's own: %v", name, err)
			}
		}
	})
}

// A backend that has nobody authenticated gets nothing, and least of all what has no tenant.
func TestTenantOfNobody(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		p := o.property("other", "nobody.example")
		p.connector = must1(o.SetTenant(ctx, p.connector.ID, p.connector.Revision, ""))
		before := o.rows()
		for name, tenant := range map[string]*connectorstore.Tenant{"none": o.Tenant(""), "too long": o.Tenant(strings.Repeat("x", 201)),
			"no text": o.Tenant("\xff"), "a null byte": o.Tenant("\x00"), "the zero value": new(connectorstore.Tenant), "nil": nil} {
			for method, call := range tenantCalls {
				if err := call(ctx, tenant, asked{p.connector, p.owned.ID}); !errors.Is(err, connectorstore.CodeInvalid) {
					t.Errorf("%s for %s: %v", method, name, err)
				}
			}
			for method, call := range tenantCallsWithoutID {
				if err := call(ctx, tenant); !errors.Is(err, connectorstore.CodeInvalid) {
					t.Errorf("%s for %s: %v", method, name, err)
				}
			}
		}
		if o.rows() != before {
			t.Error("something was changed")
		}
	})
}

// What a tenant makes is its own, and its list has nothing else.
func TestTenantListsItsOwn(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		o.connector("globex")
		nobodys := o.connector("other")
		must1(o.SetTenant(ctx, nobodys.ID, nobodys.Revision, ""))
		tenant := o.Tenant("acme")
		c := must1(tenant.Create(ctx, oidcsso.Config{Name: "Acme"}))
		if c.Tenant != "acme" {
			t.Errorf("it is %q's", c.Tenant)
		}
		for filter, want := range map[connectorstore.Filter]int{{}: 1, {Tenant: "acme"}: 1, {Tenant: "globex"}: 0, {After: c.ID}: 0, {Limit: 5}: 1} {
			list := must1(tenant.Connectors(ctx, filter))
			if len(list) != want || list == nil || want > 0 && (list[0].ID != c.ID || list[0].Err != nil) {
				t.Errorf("%+v: %+v", filter, list)
			}
		}
		_, err := tenant.Create(ctx, oidcsso.Config{RedirectURL: "https://app.example.com/elsewhere"})
		refused(t, err, connectorstore.CodeInvalid)
		for range 99 {
			must1(tenant.Create(ctx, oidcsso.Config{}))
		}
		_, err = tenant.Create(ctx, oidcsso.Config{})
		refused(t, err, connectorstore.CodeTooMany)
	})
}

// An operator froze a domain because another may own it. Who still has its zone does not get it back by giving it up.
func TestTenantReleasesNothingThatAnOperatorFroze(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		acme := o.connector("acme")
		tenant := o.Tenant("acme")
		for _, state := range []oidcsso.DomainState{oidcsso.DomainEnforced, oidcsso.DomainRouted} {
			c := o.owned(acme.ID, string(state)+".example", state)
			must(t)(o.Freeze(ctx, c.ID))
			before := o.rows()
			refused(t, tenant.Release(ctx, c.ID), connectorstore.CodeStateRefused)
			_, err := tenant.Verify(ctx, c.ID)
			refused(t, err, connectorstore.CodeStateRefused)
			if o.rows() != before {
				t.Error("something was changed")
			}
			must(t)(o.Thaw(ctx, c.ID))
			if err := tenant.Release(ctx, c.ID); err != nil {
				t.Error(err)
			}
		}
		lost := o.owned(acme.ID, "lost.example", oidcsso.DomainEnforced) // by itself: that is the tenant's own to end
		o.dns.clear(lost)
		for range 6 {
			o.later(25 * time.Hour)
			must1(o.Recheck(ctx))
		}
		o.has(acme.ID, "lost.example frozen")
		if err := tenant.Release(ctx, lost.ID); err != nil {
			t.Error(err)
		}
	})
}

// A wildcard of another tenant counts as it did: a view sees no less of it than the store does.
func TestTenantBelowAWildcard(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		acme, globex := o.connector("acme"), o.connector("globex")
		o.owned(acme.ID, "*.acme.example", oidcsso.DomainEnforced)
		taken := o.claim(globex.ID, "eu.acme.example")
		o.dns.publish(taken)
		_, err := o.Tenant("globex").Verify(ctx, taken.ID)
		refused(t, err, connectorstore.CodeDomainOwned)
		own := o.claim(acme.ID, "us.acme.example")
		o.dns.publish(own)
		if c := must(t)(o.Tenant("acme").Verify(ctx, own.ID)); c.State != oidcsso.DomainEnforced {
			t.Errorf("the state is %q", c.State)
		}
		given := must(t)(o.Assert(ctx, globex.ID, "eu.acme.example")) // by an operator: no state is refused then
		must(t)(o.Tenant("globex").SetDomainState(ctx, given.ID, given.State, oidcsso.DomainVerified))
	})
}

// Who shares a tenant shares its wildcards, so an edit does not choose it.
func TestSetTenant(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		acme, globex := o.connector("acme"), o.connector("globex")
		o.owned(acme.ID, "*.acme.example", oidcsso.DomainRouted)
		before := o.rows()
		for _, tenant := range []string{"acme", strings.Repeat("x", 201), "\xff"} {
			changed := globex
			changed.Tenant = tenant
			_, err := o.Update(ctx, changed)
			refused(t, err, connectorstore.CodeInvalid)
			changed.Config.Issuer = "https://new.okta.com"
			_, _, err = o.Rekey(ctx, changed)
			refused(t, err, connectorstore.CodeInvalid)
		}
		for _, tenant := range []string{strings.Repeat("x", 201), "\xff"} {
			_, err := o.SetTenant(ctx, globex.ID, globex.Revision, tenant)
			refused(t, err, connectorstore.CodeInvalid)
		}
		_, err := o.SetTenant(ctx, globex.ID, globex.Revision-1, "acme")
		refused(t, err, connectorstore.CodeConflict)
		if o.rows() != before {
			t.Error("something was changed")
		}

		kept := globex
		kept.Tenant = "" // as it comes from a form that has none
		if globex = must1(o.Update(ctx, kept)); globex.Tenant != "globex" {
			t.Errorf("the tenant is %q", globex.Tenant)
		}
		below := o.claim(globex.ID, "eu.acme.example")
		o.dns.publish(below)
		_, err = o.Verify(ctx, below.ID)
		refused(t, err, connectorstore.CodeDomainOwned)
		globex = must1(o.SetTenant(ctx, globex.ID, globex.Revision, "acme"))
		o.events.has(t, "connector_changed", "connector="+globex.ID, "tenant=acme", "change=tenant")
		if c := must(t)(o.Verify(ctx, below.ID)); c.State != oidcsso.DomainRouted {
			t.Errorf("the state is %q", c.State)
		}
	})
}

// A connector is given to another tenant while the old one's proof is looked for.
func TestVerifyOfWhatIsMovedMeanwhile(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		acme := o.connector("acme")
		c := o.claim(acme.ID, "acme.example")
		o.dns.publish(c)
		o.dns.beforeAnswers(func() {
			if got := must1(o.Connector(ctx, acme.ID)); got.Tenant == "acme" {
				must1(o.SetTenant(ctx, acme.ID, got.Revision, "globex"))
			}
		})
		_, err := o.Tenant("acme").Verify(ctx, c.ID)
		refused(t, err, connectorstore.CodeNotFound)
		o.has(acme.ID, "")
		if c := must(t)(o.Tenant("globex").Verify(ctx, c.ID)); !c.Owned {
			t.Errorf("%+v", c)
		}
	})
}
