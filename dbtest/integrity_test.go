package dbtest

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// broken is a store with a connector that owns three domains, one enforced, one frozen, one not proven.
type broken struct {
	*owners
	acme                     string
	enforced, frozen, opened string // claims
}

func newBroken(t *testing.T, e Engine) *broken {
	o := newOwners(t, e)
	b := &broken{owners: o, acme: o.connector("acme").ID}
	b.enforced = o.owned(b.acme, "enforced.example", oidcsso.DomainEnforced).ID
	b.frozen = o.owned(b.acme, "frozen.example", oidcsso.DomainEnforced).ID
	must(t)(o.Freeze(t.Context(), b.frozen))
	b.opened = o.claim(b.acme, "open.example").ID
	if faults, err := o.Integrity(t.Context()); err != nil || len(faults) > 0 {
		t.Fatalf("%q, %v", faults, err)
	}
	return b
}

// row gives a text column, quoted.
func (b *broken) row(query string) string {
	b.t.Helper()
	var text string
	if err := b.db.QueryRow(query).Scan(&text); err != nil {
		b.t.Fatal(err)
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

var faults = map[string]struct {
	plant   func(b *broken)
	found   string // by Integrity
	domains string // after Readmit
	state   connectorstore.State
}{
	"an open claim made owned": {
		func(b *broken) { b.sql("UPDATE oidcsso_claims SET owned = 1 WHERE id = '" + b.opened + "'") },
		"can't be trusted", "enforced.example enforced, frozen.example frozen", "active"},
	"another token": {
		func(b *broken) { b.sql("UPDATE oidcsso_claims SET token = 'x' WHERE id = '" + b.opened + "'") },
		"can't be trusted", "enforced.example enforced, frozen.example frozen", "active"},
	"another name": {
		func(b *broken) {
			b.sql("UPDATE oidcsso_claims SET name = 'victim.example' WHERE id = '" + b.enforced + "'")
		},
		"can't be trusted", "frozen.example frozen", "active"},
	"another proof": {
		func(b *broken) { b.sql("UPDATE oidcsso_claims SET proof = 'asserted' WHERE id = '" + b.enforced + "'") },
		"can't be trusted", "frozen.example frozen", "active"},
	"a later expiry": {
		func(b *broken) {
			b.sql("UPDATE oidcsso_claims SET expires = expires + 1 WHERE id = '" + b.opened + "'")
		},
		"can't be trusted", "enforced.example enforced, frozen.example frozen", "active"},
	"another state to thaw to": {
		func(b *broken) { b.sql("UPDATE oidcsso_claims SET thawed = 'verified' WHERE id = '" + b.frozen + "'") },
		"can't be trusted", "enforced.example enforced", "active"},
	"a claim of another connector": {
		func(b *broken) {
			other := b.connector("other").ID
			b.sql("UPDATE oidcsso_claims SET connector = '" + other + "' WHERE id = '" + b.enforced + "'")
			b.t.Cleanup(func() { must1(b.Readmit(context.Background(), other)) })
		},
		"which it does not have", "frozen.example frozen", "active"},
	"a claim deleted": {
		func(b *broken) { b.sql("DELETE FROM oidcsso_claims WHERE id = '" + b.enforced + "'") },
		"which it does not have", "frozen.example frozen", "active"},
	"a domain put into the row": {
		func(b *broken) {
			b.sql(`UPDATE oidcsso_connectors SET domains = '[{"name":"victim.example","state":"enforced","claim":"` + b.opened + `","since":1}]'`)
		},
		"can't be trusted", "enforced.example enforced, frozen.example frozen", "disabled"},
	"a domain taken out of the row": {
		func(b *broken) { b.sql("UPDATE oidcsso_connectors SET domains = '[]'") },
		"can't be trusted", "enforced.example enforced, frozen.example frozen", "disabled"},
	"a row that is no JSON": {
		func(b *broken) { b.sql("UPDATE oidcsso_connectors SET domains = 'x'") },
		"can't be trusted", "enforced.example enforced, frozen.example frozen", "disabled"},
	"another configuration": { // what is not closed stays so
		func(b *broken) {
			must(b.t)(b.SetDomainState(b.t.Context(), b.enforced, oidcsso.DomainEnforced, oidcsso.DomainRouted))
			b.sql(`UPDATE oidcsso_connectors SET config = REPLACE(config, 'okta', 'evil')`)
		},
		"can't be trusted", "enforced.example routed, frozen.example frozen", "disabled"},
	"a state that there is not": {
		func(b *broken) {
			b.sql(`UPDATE oidcsso_connectors SET domains = REPLACE(domains, '"enforced"', '"claimed"')`)
		},
		"can't be trusted", "enforced.example enforced, frozen.example frozen", "disabled"},
	"a frozen domain thawed": {
		func(b *broken) {
			b.sql(`UPDATE oidcsso_connectors SET domains = REPLACE(domains, '"frozen"', '"routed"')`)
		},
		"can't be trusted", "enforced.example enforced, frozen.example frozen", "disabled"},
	"an older row, which was signed": {
		func(b *broken) {
			values := b.row("SELECT domains FROM oidcsso_connectors") + ", mac = " + b.row("SELECT mac FROM oidcsso_connectors") +
				", revision = " + b.row("SELECT CAST(revision AS TEXT) FROM oidcsso_connectors") + "::BIGINT, updated = " + b.row("SELECT CAST(updated AS TEXT) FROM oidcsso_connectors") + "::BIGINT"
			if b.engine.Dialect == connectorstore.SQLite {
				values = strings.ReplaceAll(values, "::BIGINT", "")
			}
			if err := b.Release(b.t.Context(), b.enforced); err != nil {
				b.t.Error(err)
			}
			b.sql("UPDATE oidcsso_connectors SET domains = " + values)
		},
		"which it does not have", "frozen.example frozen", "active"},
	"an older claim, which was signed": {
		func(b *broken) {
			values := "thawed = " + b.row("SELECT thawed FROM oidcsso_claims WHERE id = '"+b.frozen+"'") + ", mac = " + b.row("SELECT mac FROM oidcsso_claims WHERE id = '"+b.frozen+"'")
			must(b.t)(b.Thaw(b.t.Context(), b.frozen))
			b.sql("UPDATE oidcsso_claims SET " + values + " WHERE id = '" + b.frozen + "'")
		},
		"do not say the same", "enforced.example enforced, frozen.example frozen", "active"},
}

// What was changed behind the store's back is found; what rests on it is refused; and Readmit gives nobody a domain that no
// claim confirms.
func TestPlantedFaults(t *testing.T) {
	for name, test := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			Each(t, func(t *testing.T, e Engine) {
				b, ctx := newBroken(t, e), t.Context()
				test.plant(b)
				found, err := b.Integrity(ctx)
				if err != nil || !strings.Contains(strings.Join(found, "\n"), test.found) {
					t.Errorf("Integrity finds %q, %v; want %q", found, err, test.found)
				}
				bad := 0
				for _, id := range []string{b.enforced, b.frozen, b.opened} {
					_, err := b.ClaimByID(ctx, id)
					_, errVerify := b.Verify(ctx, id)
					errState := error(nil)
					if id == b.enforced {
						_, errState = b.SetDomainState(ctx, id, oidcsso.DomainEnforced, oidcsso.DomainVerified)
					}
					if err != nil {
						bad++
						if errVerify == nil || id == b.enforced && errState == nil {
							t.Errorf("claim %s is refused with %v, but not by Verify (%v) or SetDomainState (%v)", id, err, errVerify, errState)
						}
					} else if id == b.enforced && errState == nil {
						must(t)(b.SetDomainState(ctx, id, oidcsso.DomainVerified, oidcsso.DomainEnforced))
					}
				}
				if bad == 0 && !strings.Contains(test.found, "does not have") {
					t.Error("all claims are as good as ever")
				}
				c, err := b.Readmit(ctx, b.acme)
				if err != nil || c.State != test.state || c.HasSecret != (test.state == "active") {
					t.Errorf("readmitted %+v, %v", c, err)
				}
				if got := sorted(b.domains(b.acme)); got != test.domains {
					t.Errorf("readmitted with %q, want %q", got, test.domains)
				}
				if name == "a claim of another connector" {
					return
				}
				if found, err := b.Integrity(ctx); err != nil || len(found) > 0 {
					t.Errorf("after Readmit, Integrity finds %q, %v", found, err)
				}
				_, err = b.Readmit(ctx, b.acme)
				refused(t, err, connectorstore.CodeStateRefused)
			})
		})
	}
}

func sorted(domains string) string {
	before, after, two := strings.Cut(domains, ", ")
	if two && before > after {
		return after + ", " + before
	}
	return domains
}

// Faults that need no mending of claims, or have no remedy but a backup.
func TestIntegrityFinds(t *testing.T) {
	for name, test := range map[string]struct {
		plant, undo func(b *broken)
		found       string
	}{
		"a store behind its connectors": {
			func(b *broken) { b.sql("UPDATE oidcsso_meta SET revision = revision - 100") },
			func(b *broken) { b.sql("UPDATE oidcsso_meta SET revision = revision + 100") },
			"behind that of connectors: 1"},
		"a secret that does not open": {
			func(b *broken) { b.sql("UPDATE oidcsso_connectors SET secret = 'x'") },
			func(b *broken) { must1(b.Readmit(context.Background(), b.acme)) },
			"can't be trusted"},
		"two owners": {
			func(b *broken) {
				b.sql("DROP INDEX oidcsso_claims_owner")
				c := b.claim(b.connector("other").ID, "enforced.example")
				b.sql("UPDATE oidcsso_claims SET owned = 1 WHERE id = '" + c.ID + "'")
			},
			func(b *broken) { b.sql("DELETE FROM oidcsso_claims WHERE name = 'enforced.example' AND verified = 0") },
			"which another claim owns too"},
		"a grant that nobody gave": {
			func(b *broken) {
				b.sql("INSERT INTO oidcsso_grants VALUES ('x', '" + b.acme + "', 'a@acme.example', '', '', 1, 2, 0, 'x', 0, 0)")
			},
			func(b *broken) { b.sql("DELETE FROM oidcsso_grants") },
			`The row of grant "x" can't be trusted.`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			Each(t, func(t *testing.T, e Engine) {
				b := newBroken(t, e)
				test.plant(b)
				found, err := b.Integrity(t.Context())
				if err != nil || !strings.Contains(strings.Join(found, "\n"), test.found) {
					t.Errorf("Integrity finds %q, %v", found, err)
				}
				test.undo(b)
			})
		})
	}
}

func TestIntegrityOfAnotherRing(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		b := newBroken(t, e)
		found, err := b.replica(b.db, 2).Integrity(t.Context())
		if err != nil || len(found) != 4 {
			t.Errorf("%q, %v", found, err)
		}
		if _, err := b.replica(closed(b), 1).Integrity(t.Context()); err == nil {
			t.Error("what could not be looked at is well")
		}
		// Sealing anew keeps everything as it is, while the claims are looked at.
		if done, err := b.replica(b.db, 2, 1).Reseal(t.Context()); err != nil || done.Changed != 4 || done.Tampered != 0 {
			t.Errorf("%+v, %v", done, err)
		}
		if found, err := b.replica(b.db, 2).Integrity(t.Context()); err != nil || len(found) != 0 {
			t.Errorf("%q, %v", found, err)
		}
		b.Store = b.replica(b.db, 2)
	})
}

func closed(b *broken) *sql.DB {
	db := b.open(b.t)
	db.Close()
	return db
}

// Somebody makes a row a draft's, and takes its domains out of it. Mended, what was closed is closed.
func TestReadmitOfWhatBecameADraft(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		b := newBroken(t, e)
		b.sql("UPDATE oidcsso_connectors SET state = 'draft', domains = '[]'")
		c := must2(b.Readmit(t.Context(), b.acme))(t)
		if got := sorted(b.domains(b.acme)); got != "enforced.example enforced, frozen.example frozen" || c.State != connectorstore.StateDisabled {
			t.Errorf("%q, %s", got, c.State)
		}
	})
}
