package dbtest

import (
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// Who can write to the database writes what no store does: text among numbers, which SQLite keeps, and flags that are neither 0
// nor 1. What it does to one row, it must not do to all others.
func TestOddColumns(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		table, set string
		sqlite     bool // other engines refuse it
	}{
		"a revision that is text":   {"connectors", "revision = 'soon'", true},
		"a date that is text":       {"connectors", "created = 'today'", true},
		"a sign-in that is a blob":  {"connectors", "signed_in = x'00'", true},
		"a fraction":                {"connectors", "updated = 1.5", true},
		"a flag that is two":        {"claims", "wildcard = 2", false},
		"a flag that is text":       {"claims", "wildcard = 'no'", true},
		"an end that is text":       {"claims", "expires = 'never'", true},
		"a counter beyond numbers":  {"claims", "report_count = 9223372036854775807 + 1.0", true},
		"a grant that ends in text": {"grants", "until = 'never'", true},
		"uses that are text":        {"grants", "uses = 'many'", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			Each(t, func(t *testing.T, e Engine) {
				if c.sqlite && e.Dialect != connectorstore.SQLite {
					t.Skip("the engine refuses it")
				}
				ctx := t.Context()
				o := newOwners(t, e)
				acme, other := o.connector("acme").ID, o.connector("other").ID
				o.owned(acme, "acme.example", oidcsso.DomainEnforced)
				lost := o.owned(other, "other.example", oidcsso.DomainEnforced)
				for _, id := range []string{acme, other} {
					name := map[string]string{acme: "acme", other: "other"}[id]
					if _, err := o.AddGrant(ctx, connectorstore.GrantParams{Connector: id, Address: "ada@" + name + ".example", By: "boss", Reason: "down"}); err != nil {
						t.Fatal(err)
					}
				}
				running := o.NewLive(nil)
				sync1(t, running)
				where := "connector"
				if c.table == "connectors" {
					where = "id"
				}
				o.sql("UPDATE oidcsso_" + c.table + " SET " + c.set + " WHERE " + where + " = '" + acme + "'")
				if c.table == "claims" {
					_, err := o.Claims(ctx, acme)
					refused(t, err, connectorstore.CodeTampered)
					// So that replicas look at them:
					o.sql("UPDATE oidcsso_connectors SET tenant = 'eve' WHERE id = '" + acme + "'")
				}
				o.later(2 * time.Hour)
				for when, l := range map[string]*connectorstore.Live{"running": running, "starting": o.NewLive(nil)} {
					if err := l.Sync(ctx); err != nil {
						t.Fatalf("%s: %v", when, err)
					}
					want := "unavailable"
					if c.table == "grants" {
						want = "by " + acme
					}
					if got := password(ctx, l, "bob@acme.example") + ", " + password(ctx, l, "bob@other.example"); got != want+", by "+other {
						t.Errorf("%s: it is %s", when, got)
					}
					if got, err := breakGlass(t, l, "ada@other.example", oidcsso.MethodPassword); got == "" || err != nil {
						t.Errorf("%s: the other's exception is %q, %v", when, got, err)
					}
				}
				if list, err := o.Connectors(ctx, connectorstore.Filter{}); err != nil || len(list) != 2 {
					t.Errorf("the list is %v, %v", list, err)
				}
				if faults, err := o.Integrity(ctx); err != nil || len(faults) == 0 {
					t.Errorf("it finds %q, %v", faults, err)
				}
				if done, err := o.Reseal(ctx); err != nil || done.Tampered == 0 {
					t.Errorf("sealed anew are %+v, %v", done, err)
				}
				if list, err := o.Grants(ctx, acme); err != nil || c.table == "grants" && len(list) != 0 {
					t.Errorf("the exceptions are %v, %v", list, err)
				}
				o.dns.clear(lost)
				o.later(25 * time.Hour)
				if _, err := o.Recheck(ctx); err != nil {
					t.Errorf("the re-checks: %v", err)
				}
				o.later(missGrace + time.Hour)
				if _, err := o.Recheck(ctx); err != nil {
					t.Errorf("the re-checks: %v", err)
				}
				o.has(other, "other.example frozen")
				o.empty() // Integrity has said what it has to
			})
		})
	}
}

const missGrace = 72 * time.Hour

func (o *owners) empty() {
	o.t.Helper()
	for _, table := range []string{"grants", "claims", "connectors"} {
		o.sql("DELETE FROM oidcsso_" + table)
	}
}
