package dbtest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// owning has a owner, and b a claim to the same domain and an exception of a.
type owning struct {
	*victim
	owned, claimed connectorstore.Claim
	grant          connectorstore.Grant
	live           *connectorstore.Live
}

func attackedOwner(t testing.TB, e Engine) *owning {
	t.Helper()
	o, ctx := &owning{victim: attacked(t, e)}, t.Context()
	var err error
	for _, step := range []func(){
		func() { o.owned, err = o.Assert(ctx, o.a.ID, "acme.example") },
		func() { o.claimed, err = o.Claim(ctx, o.b.ID, "acme.example") },
		func() {
			o.grant, err = o.AddGrant(ctx, connectorstore.GrantParams{Connector: o.a.ID, Address: "ada@acme.example", By: "root@acme.example", Reason: "lost phone"})
		},
		func() { o.live = o.NewLive(nil); err = o.live.Sync(ctx) },
	} {
		if step(); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

// rowEdits are values for the columns of claims and grants.
func (o *owning) rowEdits(column, now string) []string {
	values := map[string][]string{
		"connector": {o.b.ID, o.a.ID}, "name": {"evil.example", "ACME.example", ""}, "wildcard": {"1", "0"}, "owned": {"1", "0"}, "proof": {"dns", "asserted", ""},
		"thawed": {"enforced", "x"}, "address": {"mallory@acme.example", "ada@acme.example "}, "granted_by": {"", "x"}, "reason": {"", "x"},
	}[column]
	if o.isNumber(column) && values == nil {
		values = []string{"0", "1", "99999999999999"}
	}
	if values == nil {
		values = edits(column, now)
	}
	return slices.DeleteFunc(values, func(value string) bool { return value == now })
}

// isNumber says whether a column of claims or grants has a number.
func (o *owning) isNumber(column string) bool {
	return slices.Contains([]string{"created", "expires", "verified", "missing_since", "checked", "next_check", "report_count", "report_last", "warned", "until",
		"revoked", "uses", "last_used", "wildcard", "owned"}, column)
}

func (o *owning) edit(t testing.TB, table, column, value, id string) {
	t.Helper()
	cast := "CAST($1 AS TEXT)"
	if o.isNumber(column) {
		cast = "CAST(CAST($1 AS TEXT) AS BIGINT)"
	}
	o.exec(t, "UPDATE "+table+" SET "+column+" = "+cast+" WHERE id = $2", value, id)
}

// wantClaimTampered expects that no call trusts the claim.
func (o *owning) wantClaimTampered(t testing.TB, id string) {
	t.Helper()
	ctx := t.Context()
	_, read := o.ClaimByID(ctx, id)
	_, verify := o.Verify(ctx, id)
	_, state := o.SetDomainState(ctx, id, oidcsso.DomainVerified, oidcsso.DomainRouted)
	_, freeze := o.Freeze(ctx, id)
	_, transfer := o.TransferAsserted(ctx, id, o.claimed.ID)
	for call, err := range map[string]error{"ClaimByID": read, "Verify": verify, "SetDomainState": state, "Freeze": freeze, "Transfer": transfer,
		"Release": o.Release(ctx, id)} {
		if !errors.Is(err, connectorstore.CodeTampered) {
			t.Errorf("%s: %v; want tampered", call, err)
		}
	}
	if faults, err := o.Integrity(ctx); err != nil || len(faults) == 0 {
		t.Errorf("Integrity: %q, %v", faults, err)
	}
}

// What a claim says of its domain and its proof can't be edited. The schedule and the counter can: the worst that they do is a
// re-check too soon or too late.
func TestClaimEditedBySQLIsNotTrusted(t *testing.T) {
	t.Parallel()
	free := []string{"checked", "next_check", "report_count", "report_last", "warned"}
	Each(t, func(t *testing.T, e Engine) {
		for _, column := range attacked(t, e).columns(t, "oidcsso_claims") {
			t.Run(column, func(t *testing.T) {
				t.Parallel()
				o := attackedOwner(t, e)
				for _, value := range o.rowEdits(column, o.text(t, "oidcsso_claims", column, o.owned.ID)) {
					id := o.owned.ID
					if column == "id" {
						value = "another" + strings.TrimSpace(value)
						id = value
						o.exec(t, "UPDATE oidcsso_claims SET id = $1 WHERE owned = 1", value)
					} else {
						o.edit(t, "oidcsso_claims", column, value, id)
					}
					if slices.Contains(free, column) {
						if claim, err := o.ClaimByID(t.Context(), id); err != nil || claim.Domain() != "acme.example" || !claim.Owned {
							t.Errorf("%s = %q: %+v, %v", column, value, claim, err)
						}
						continue
					}
					o.wantClaimTampered(t, id)
					if t.Failed() {
						t.Fatalf("%s = %q", column, value)
					}
				}
			})
		}
	})
}

// A claim that nobody has proven does not become the owner by SQL, nor does the row of a connector by a domain in it.
func TestDomainTakenBySQL(t *testing.T) {
	t.Parallel()
	for name, queries := range map[string][]string{
		"the claim says owned, once the owner's is gone": {"DELETE FROM oidcsso_claims WHERE id = $1", "UPDATE oidcsso_claims SET owned = 1 WHERE id = $2"},
		"the owner's claim is given away":                {"UPDATE oidcsso_claims SET connector = (SELECT connector FROM oidcsso_claims WHERE id = $2) WHERE id = $1"},
		"with the owner's MAC": {"UPDATE oidcsso_claims SET owned = 0 WHERE id = $1",
			"UPDATE oidcsso_claims SET owned = 1, proof = 'asserted', mac = (SELECT mac FROM oidcsso_claims WHERE id = $1) WHERE id = $2"},
		"the domains are swapped between the rows": {
			"UPDATE oidcsso_connectors SET domains = (SELECT o.domains FROM oidcsso_connectors o JOIN oidcsso_claims c ON c.connector = o.id WHERE c.id = $1) " +
				"WHERE id = (SELECT connector FROM oidcsso_claims WHERE id = $2)",
			"UPDATE oidcsso_connectors SET domains = '[]' WHERE id = (SELECT connector FROM oidcsso_claims WHERE id = $1)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			Each(t, func(t *testing.T, e Engine) {
				o, ctx := attackedOwner(t, e), t.Context()
				for _, query := range queries {
					// Each uses one of the two, or both; PostgreSQL wants to know the type of what is not used.
					args := []any{o.owned.ID, o.claimed.ID}
					if !strings.Contains(query, "$2") {
						args = args[:1]
					} else if !strings.Contains(query, "$1") {
						query, args = strings.ReplaceAll(query, "$2", "$1"), args[1:]
					}
					o.exec(t, query, args...)
				}
				if faults, err := o.Integrity(ctx); err != nil || len(faults) == 0 {
					t.Errorf("Integrity: %q, %v", faults, err)
				}
				fresh := storeOver(t, e, o.open(t)).NewLive(nil)
				for replica, live := range map[string]*connectorstore.Live{"that runs": o.live, "that has just started": fresh} {
					if err := live.Sync(ctx); err != nil {
						t.Fatal(err)
					}
					route, err := live.Route(ctx, "acme.example")
					if route != nil && route.Connector.ID() == o.b.ID {
						t.Errorf("a replica %s gives the domain to whoever edited the database: %+v", replica, route)
					}
					if errors.Is(err, oidcsso.ErrNotFound) {
						t.Errorf("a replica %s opens the domain: %v", replica, err)
					}
				}
			})
		})
	}
}

// An exception that somebody wrote or edited opens nothing. How often it was used may be edited.
func TestGrantEditedBySQLOpensNothing(t *testing.T) {
	t.Parallel()
	free := []string{"uses", "last_used"}
	Each(t, func(t *testing.T, e Engine) {
		for _, column := range attacked(t, e).columns(t, "oidcsso_grants") {
			t.Run(column, func(t *testing.T) {
				t.Parallel()
				o, ctx := attackedOwner(t, e), t.Context()
				for _, value := range o.rowEdits(column, o.text(t, "oidcsso_grants", column, o.grant.ID)) {
					id := o.grant.ID
					if column == "id" {
						value = "another" + strings.TrimSpace(value)
						id = value
						o.exec(t, "UPDATE oidcsso_grants SET id = $1", value)
					} else {
						o.edit(t, "oidcsso_grants", column, value, id)
					}
					if slices.Contains(free, column) {
						o.wantGrants(ctx, t, o.grant.ID)
						continue
					}
					o.wantGrants(ctx, t, "")
					if err := o.RevokeGrant(ctx, id); !errors.Is(err, connectorstore.CodeTampered) {
						t.Errorf("RevokeGrant: %v", err)
					}
					if t.Failed() {
						t.Fatalf("%s = %q", column, value)
					}
				}
			})
		}
	})
}

// wantGrants expects one exception, or none at all for anybody; "" is none.
func (o *owning) wantGrants(ctx context.Context, t testing.TB, want string) {
	t.Helper()
	for _, connector := range []string{o.a.ID, o.b.ID} {
		for _, address := range []string{"ada@acme.example", "mallory@acme.example", "ada@acme.example "} {
			id, err := o.live.Grant(ctx, connector, address, oidcsso.MethodSession)
			if want != "" && connector == o.a.ID && address == "ada@acme.example" {
				if id != want || err != nil {
					t.Errorf("%s at %s: %q, %v", address, connector, id, err)
				}
			} else if id != "" || err == nil {
				t.Errorf("%s at %s got in by %q, %v", address, connector, id, err)
			}
		}
	}
	if list, err := o.Grants(ctx, o.a.ID); err != nil || (len(list) == 1) != (want != "") {
		t.Errorf("Grants: %+v, %v", list, err)
	}
}
