package dbtest

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// The ring's key is replaced as its documentation says, replica by replica, while people sign in and nobody gets in another way. In
// the end nothing in the database is under the old key, and replicas that don't have it serve.
func TestRingIsRotatedWhilePeopleSignIn(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		ctx := t.Context()
		f := newFleet(t, e)
		db := f.open(t)
		f.bulk(e, 300)
		c := f.connector("acme")
		store := f.replicas[0].Load().store
		claim, err := store.Assert(ctx, c.ID, "acme.test")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.SetDomainState(ctx, claim.ID, claim.State, oidcsso.DomainEnforced); err != nil {
			t.Fatal(err)
		}
		if _, err := store.AddGrant(ctx, connectorstore.GrantParams{Connector: c.ID, Address: "ada@acme.test", By: "operator", Reason: "test"}); err != nil {
			t.Fatal(err)
		}
		f.seen("the domain", func(l *connectorstore.Live) bool { return password(ctx, l, "ada@acme.test") == "by "+c.ID })

		stopWatching := f.watch()
		stop, signIns := f.signIns(c.ID)
		older, newer := ringKey(t, Secret), ringKey(t, "another key of 32 bytes, newer..")
		for _, step := range []struct {
			what    string
			newest  connectorstore.Key
			further []connectorstore.Key
		}{
			{"the new key opens", older, []connectorstore.Key{newer}},
			{"the new key seals", newer, []connectorstore.Key{older}},
			{"the old key is gone", newer, nil},
		} {
			ring, err := connectorstore.NewRing(step.newest, step.further...)
			if err != nil {
				t.Fatal(err)
			}
			if step.further == nil { // all replicas seal with the new one by now
				done, err := f.replicas[0].Load().store.Reseal(ctx)
				if err != nil || done.Changed < 303 || done.Tampered != 0 { // the connectors, the claim, the grant
					t.Fatal(done, err)
				}
				for _, table := range []string{"oidcsso_connectors", "oidcsso_claims", "oidcsso_grants"} {
					var left int
					if err := db.QueryRow("SELECT COUNT(*) FROM " + table + " WHERE mac LIKE '" + older.ID() + ".%'").Scan(&left); err != nil || left > 0 {
						t.Errorf("%s: %d rows are under the old key, %v", table, left, err)
					}
				}
			}
			before := signIns.Load()
			for i := range f.replicas {
				f.start(i, ring)
			}
			eventually(t, step.what, func() bool { return signIns.Load() >= before+10 })
		}
		stop()
		t.Logf("%d sign-ins, and %d times nobody was let in with a password", signIns.Load(), stopWatching())
		for i := range f.replicas {
			if s := f.replicas[i].Load().live.Status(); len(s.Quarantined) > 0 || s.Connectors != 301 {
				t.Errorf("replica %d: %d connectors, in quarantine %v", i, s.Connectors, s.Quarantined)
			}
		}
	})
}

func ringKey(t *testing.T, secret string) connectorstore.Key {
	t.Helper()
	key, err := connectorstore.NewKey([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// bulk enters connectors of others, each with a secret.
func (f *fleet) bulk(e Engine, n int) {
	f.t.Helper()
	var rows [][]any
	for i := range n {
		r := row(fmt.Sprintf("c%015d", i), int64(i+1))
		r.Secret = fmt.Sprintf("secret %d", i)
		rows = append(rows, r.Values(f.t, Ring(f.t)))
	}
	db := f.open(f.t)
	Insert(f.t, e, db, "oidcsso_connectors", RowColumns, rows)
	if _, err := db.Exec(fmt.Sprintf("UPDATE oidcsso_meta SET revision = %d", n)); err != nil {
		f.t.Fatal(err)
	}
}

// signIns has somebody sign in again and again, each time begun at one replica and finished at the other.
func (f *fleet) signIns(id string) (stop func(), count *atomic.Int64) {
	count = new(atomic.Int64)
	var ended atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		for at := int32(0); !ended.Load(); at = 1 - at {
			if got, want := f.begin(at, id)(), "welcome by "+id; got != want {
				f.t.Errorf("the sign-in ends with %q, want %q", got, want)
				return
			}
			count.Add(1)
		}
	}()
	return func() { ended.Store(true); <-done }, count
}
